// Plays Lambda's runtime for one environment: loads a module, hands it events one after another, and writes what came of each.
// Lines of standard input are `{event, remaining}`; lines of standard output that begin with `=` are `{result}` or `{error}`.
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const say = (value) => process.stdout.write(`=${JSON.stringify(value)}\n`);
const { handler } = await import(pathToFileURL(process.argv[2]).href);
say({ ready: true });
let count = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const { event, remaining } = JSON.parse(line);
  const end = performance.now() + remaining;
  const context = {
    awsRequestId: `call-${++count}`,
    getRemainingTimeInMillis: () => Math.max(0, Math.round(end - performance.now())),
  };
  try {
    say({ result: await handler(event, context) });
  } catch (error) {
    say({ error: { name: error.name, message: error.message } });
  }
}
process.exit(0);
