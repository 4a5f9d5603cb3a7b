/**
 * DynamoDB for tests: Amazon's own DynamoDB Local (Maven Central), kept below `node_modules` for the next run. Unlike moto it does
 * transactions as the service does: whole or not, and by their token once. It does them one after another, so what comes of two that
 * meet has to be staged. A test file starts one when it needs one, and gets it empty; it ends with the process that started it.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installOnce } from './install-once.ts';
import { installDebian } from './tools.ts';

export interface DynamoLocal {
  /** `http://127.0.0.1:PORT`. */
  readonly endpoint: string;
  readonly port: number;
  /** Keys that any request is taken with; what there is is each key's own. */
  readonly env: Readonly<Record<string, string>>;
  readonly pid: number;
  /** The address of a table that there is not yet. */
  url(endpoint?: string): string;
  close(): Promise<void>;
}

const version = '2.6.1';
const patience = 300_000;
const starting = 60_000;
const remedy = `install a Java runtime (17 or newer) and Maven, and let it reach a repository that has com.amazonaws:DynamoDBLocal ${version}`;
const root = fileURLToPath(new URL('../..', import.meta.url));
const directory = join(root, 'node_modules', '.cache', `coffer-dynamodb-local-${version}`);
const library = join(directory, 'lib');
const say = (line: string) => process.stderr.write(`${line}\n`);

/** Undefined where it is not to be had, with a line that says how to get it; under `CI=true` that is a failure. */
export async function startDynamoLocal(): Promise<DynamoLocal | undefined> {
  if (!(await installOnce(directory, install)) || !runs('java', ['-version'])) {
    if (process.env['CI'] === 'true') throw new Error(`DynamoDB Local is missing: ${remedy}`);
    say(`tests that need DynamoDB Local do not run; to change that, ${remedy}`);
    return undefined;
  }
  const port = await freePort();
  const child = spawn('sh', ['-c', script, 'sh', library, String(port)], {
    // Its standard input is the thread that it hangs by.
    stdio: ['pipe', 'ignore', 'pipe'],
    cwd: directory,
    env: { PATH: process.env['PATH'] ?? '', LANG: 'C.UTF-8' },
  });
  await ready(child, port);
  const endpoint = `http://127.0.0.1:${port}`;
  return {
    endpoint,
    port,
    env: { AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE', AWS_SECRET_ACCESS_KEY: 'of-a-test' },
    pid: child.pid ?? 0,
    url: (other = endpoint) =>
      `dynamodb:t-${randomUUID()}?region=eu-central-1&endpoint=${other}&recovery=off`,
    close: () => end(child),
  };
}

const script = `
java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.library.path="$1" -cp "$1/*" \\
  com.amazonaws.services.dynamodbv2.local.main.ServerRunner -inMemory -disableTelemetry -port "$2" >/dev/null &
cat >/dev/null
kill -9 $!
`;

function install(): boolean {
  say(`fetching DynamoDB Local ${version}`);
  if (!runs('java', ['-version'])) installDebian('default-jre-headless', say);
  if (!runs('mvn', ['-v'])) installDebian('maven', say);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'pom.xml'), project);
  const words = ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${library}`];
  return runs('mvn', ['-f', join(directory, 'pom.xml'), ...words]);
}

const project = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>coffer.test</groupId>
  <artifactId>dynamodb-local</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>com.amazonaws</groupId>
      <artifactId>DynamoDBLocal</artifactId>
      <version>${version}</version>
    </dependency>
  </dependencies>
</project>
`;

function runs(command: string, words: readonly string[]): boolean {
  return spawnSync(command, words, { timeout: patience, stdio: 'ignore' }).status === 0;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

async function ready(child: ChildProcess, port: number): Promise<void> {
  let heard = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    heard = `${heard}${chunk.toString()}`.slice(-4_000);
  });
  for (const deadline = Date.now() + starting; ; ) {
    // Any answer will do: this is none that it takes.
    const answered = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    );
    if (answered) return;
    if (Date.now() > deadline) {
      await end(child);
      throw new Error(`DynamoDB Local did not start:\n${heard}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.stdin?.end();
  });
}
