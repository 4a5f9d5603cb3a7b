/** The program that the CDK runs: reads the settings, and makes the stack of them. Asks nobody anything. */
import { readFileSync } from 'node:fs';
import { App } from 'aws-cdk-lib';
import { readSettings } from './settings.ts';
import { CofferStack } from './stack.ts';

const { COFFER_CDK_SETTINGS: file = 'deploy/cdk/app.yml', COFFER_CDK_BUNDLE: bundle = 'dist/lambda' } =
  process.env;

try {
  const { settings, notes } = readSettings(readFileSync(file, 'utf8'));
  for (const note of notes) process.stderr.write(`${file}: ${note}\n`);
  const app = new App({ analyticsReporting: false });
  new CofferStack(app, settings.appName, {
    settings,
    bundle,
    description: 'Coffer in Lambda',
    env: { region: settings.region },
  });
  app.synth();
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${file}: ${message.replaceAll('\n', `\n${file}: `)}\n`);
  process.exitCode = 1;
}
