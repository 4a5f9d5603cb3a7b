/** The deployment to Lambda: what a synth makes of its settings, without a network, and that nobody may do more than they have to. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSettings } from '../../deploy/cdk/settings.ts';
import { CofferStack } from '../../deploy/cdk/stack.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../src/json.ts';
import { functionSettings } from '../../src/main/lambda/settings.ts';
import { root } from './released-package.ts';

const temporary = mkdtempSync(join(tmpdir(), 'coffer-cdk-'));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

const example = readFileSync(join(root, 'deploy/cdk/app.example.yml'), 'utf8');
const role = 'arn:aws:iam::111122223333:role/AccountAdmin';

function synthesized(text: string, name: string): Template {
  const bundle = join(temporary, `${name}-bundle`);
  mkdirSync(bundle, { recursive: true });
  writeFileSync(join(bundle, 'public.mjs'), '');
  const { settings } = readSettings(text);
  const app = new App({ outdir: join(temporary, name), analyticsReporting: false });
  return Template.fromStack(
    new CofferStack(app, name, { settings, bundle, env: { region: settings.region } }),
  );
}

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: JsonValue;
  readonly Effect: string;
}

describe('the stack', () => {
  let template: Template;
  beforeAll(() => {
    template = synthesized(example, 'whole');
  });

  function resources(type: string): readonly JsonObject[] {
    return Object.values(template.findResources(type)) as unknown as readonly JsonObject[];
  }

  /** The statements of the policies of one role, by the beginning of its logical id. */
  function statements(owner: string): readonly Statement[] {
    return resources('AWS::IAM::Policy').flatMap((policy) => {
      const { Roles, PolicyDocument } = policy['Properties'] as never as {
        readonly Roles: readonly { readonly Ref: string }[];
        readonly PolicyDocument: { readonly Statement: readonly Statement[] };
      };
      return Roles.some(({ Ref }) => Ref.startsWith(owner)) ? PolicyDocument.Statement : [];
    });
  }

  const actionsOf = (owner: string) =>
    statements(owner)
      .flatMap(({ Action }) => Action)
      .toSorted();

  it('has a table such as the store makes, which outlives the stack', () => {
    template.hasResource('AWS::DynamoDB::Table', {
      DeletionPolicy: 'Retain',
      Properties: {
        TableName: 'coffer-store',
        BillingMode: 'PAY_PER_REQUEST',
        DeletionProtectionEnabled: true,
        KeySchema: [
          { AttributeName: 'root', KeyType: 'HASH' },
          { AttributeName: 'key', KeyType: 'RANGE' },
        ],
        AttributeDefinitions: [
          { AttributeName: 'root', AttributeType: 'S' },
          { AttributeName: 'key', AttributeType: 'S' },
        ],
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      },
    });
    template.hasResource('AWS::KMS::Key', {
      DeletionPolicy: 'Retain',
      Properties: { EnableKeyRotation: true },
    });
  });

  it('has two functions whose settings a function takes', () => {
    const functions = resources('AWS::Lambda::Function').map(({ Properties }) => Properties as JsonObject);
    expect(functions.map(({ FunctionName }) => FunctionName)).toEqual(['coffer', 'coffer-duties']);
    expect(functions.map(({ Handler }) => Handler)).toEqual(['public.handler', 'duties.handler']);
    expect(functions.map((each) => each['ReservedConcurrentExecutions'])).toEqual([undefined, 1]);
    for (const { Environment } of functions) {
      const { Variables } = Environment as unknown as { readonly Variables: Record<string, JsonValue> };
      const env = Object.fromEntries(Object.entries(Variables).map(([name, value]) => [name, joined(value)]));
      expect(() => functionSettings(env)).not.toThrow();
      expect(JSON.stringify(Variables)).not.toMatch(/secret|password|token/i);
    }
    template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', { MaximumRetryAttempts: 0 });
  });

  it('threat 28: only the load balancer may call the one, and only the scheduler the other', () => {
    const permissions = resources('AWS::Lambda::Permission').map(
      ({ Properties }) => Properties as JsonObject,
    );
    expect(permissions).toEqual([
      {
        Action: 'lambda:InvokeFunction',
        FunctionName: { 'Fn::GetAtt': [expect.stringMatching(/^Public/), 'Arn'] },
        Principal: 'elasticloadbalancing.amazonaws.com',
        SourceArn: expect.anything(),
      },
    ]);
    expect(joined(permissions[0]?.['SourceArn'] ?? null)).toMatch(/targetgroup\/coffer-alb-tg\/\*$/);
    expect(statements('SchedulerRole')).toEqual([
      {
        Action: 'lambda:InvokeFunction',
        Effect: 'Allow',
        Resource: { 'Fn::GetAtt': [expect.stringMatching(/^Duties/), 'Arn'] },
      },
    ]);
    template.hasResourceProperties('AWS::IAM::Role', {
      RoleName: 'coffer-scheduler-role',
      AssumeRolePolicyDocument: {
        Statement: [
          {
            Action: 'sts:AssumeRole',
            Principal: { Service: 'scheduler.amazonaws.com' },
            Condition: {
              StringEquals: { 'aws:SourceAccount': Match.anyValue() },
              ArnLike: { 'aws:SourceArn': Match.anyValue() },
            },
          },
        ],
      },
    });
    template.resourceCountIs('AWS::Lambda::Url', 0);
  });

  it('threat 27: each role may do what it needs, on what it is told, and nothing on everything', () => {
    const records = ['BatchGetItem', 'ConditionCheckItem', 'DeleteItem', 'GetItem', 'PutItem', 'Query'];
    const store = records.map((action) => `dynamodb:${action}`);
    const logs = ['logs:CreateLogStream', 'logs:PutLogEvents'];
    const common = [...store, 'kms:Decrypt', ...logs, 'sns:Publish'];
    const sts = ['sts:AssumeRole', 'sts:TagSession'];
    const making = ['dynamodb:DescribeTable', 'dynamodb:Scan', 'kms:Encrypt'];
    const parameters = ['ssm:GetParameter', 'ssm:GetParametersByPath', 'ssm:PutParameter'];
    expect(actionsOf('PublicRole')).toEqual([...common, ...sts].toSorted());
    expect(actionsOf('DutiesRole')).toEqual([...common, ...making, ...parameters].toSorted());
    for (const owner of ['PublicRole', 'DutiesRole', 'SchedulerRole']) {
      for (const { Action, Effect, Resource } of statements(owner)) {
        expect(Effect).toBe('Allow');
        expect([Action].flat().filter((action) => action.includes('*'))).toEqual([]);
        for (const each of Array.isArray(Resource) ? Resource : [Resource]) {
          // A star is the end of a name at most: streams of a log, parameters of a folder.
          expect(joined(each)).toMatch(/^[^*]{8,}(?:[/:]\*)?$/);
        }
      }
    }
    const assumed = statements('PublicRole').find(({ Action }) => [Action].flat().includes('sts:AssumeRole'));
    expect(assumed?.Resource).toBe(role);
  });

  it('is reached over TLS alone, and says whom it heard from', () => {
    template.hasResourceProperties('AWS::ElasticLoadBalancingV2::Listener', {
      Port: 80,
      DefaultActions: [
        { Type: 'redirect', RedirectConfig: { Protocol: 'HTTPS', Port: '443', StatusCode: 'HTTP_301' } },
      ],
    });
    template.hasResourceProperties('AWS::ElasticLoadBalancingV2::Listener', {
      Port: 443,
      Protocol: 'HTTPS',
      SslPolicy: 'ELBSecurityPolicy-TLS13-1-2-Res-2021-06',
    });
    template.hasResourceProperties('AWS::ElasticLoadBalancingV2::LoadBalancer', {
      LoadBalancerAttributes: Match.arrayWith([
        { Key: 'routing.http.drop_invalid_header_fields.enabled', Value: 'true' },
        { Key: 'routing.http.xff_header_processing.mode', Value: 'append' },
      ]),
    });
    template.hasResourceProperties('AWS::ElasticLoadBalancingV2::TargetGroup', { TargetType: 'lambda' });
    template.hasResourceProperties('AWS::Route53::RecordSet', { Name: 'coffer.example.com.', Type: 'A' });
    template.hasResourceProperties('AWS::CertificateManager::Certificate', {
      DomainName: 'coffer.example.com',
      ValidationMethod: 'DNS',
    });
    template.hasResourceProperties('AWS::SNS::Subscription', {
      Protocol: 'email',
      Endpoint: 'security@example.com',
    });
  });

  it('calls the duties by the words that they take', () => {
    const inputs = resources('AWS::Scheduler::Schedule').map(({ Properties }) => {
      const { Target, FlexibleTimeWindow } = Properties as unknown as {
        readonly Target: { readonly Input: string };
        readonly FlexibleTimeWindow: JsonObject;
      };
      expect(FlexibleTimeWindow).toEqual({ Mode: 'OFF' });
      return JSON.parse(Target.Input) as JsonObject;
    });
    const time = '<aws.scheduler.scheduled-time>';
    expect(inputs).toEqual([
      { source: 'coffer.duties', duty: 'due', time },
      { source: 'coffer.duties', duty: 'tidy', time },
    ]);
  });

  it('says whom roles that are handed out have to trust', () => {
    const { TrustOfRoles } = template.findOutputs('*');
    expect(joined((TrustOfRoles as { Value: JsonValue }).Value)).toContain('sts:AssumeRole');
  });

  it('hands no role out where none is named, and lets in whom it is told', () => {
    const text = example
      .replace(/roles:\n {2}- .*\n/, '')
      .replace('# allowed_networks:', 'allowed_networks:')
      .replace('# dialect: vault', 'dialect: dssss');
    const other = synthesized(text, 'narrow');
    expect(JSON.stringify(other.toJSON())).not.toContain('sts:TagSession"]');
    other.hasResourceProperties('AWS::EC2::SecurityGroup', {
      SecurityGroupIngress: Match.arrayWith([Match.objectLike({ CidrIp: '192.0.2.0/24', FromPort: 443 })]),
    });
    expect(JSON.stringify(other.toJSON())).not.toContain('0.0.0.0/0","Description":"requests"');
    other.hasResourceProperties('AWS::Lambda::Function', {
      Environment: { Variables: Match.objectLike({ COFFER_DIALECT: 'dssss' }) },
    });
  });
});

describe('its settings', () => {
  it('take the file of the older program, and say what of it means nothing', () => {
    const old = `${example}bin_path: /build/\nbin_name: sts-lambda\ntf_state_bucket: states\n`;
    const { notes, settings } = readSettings(old);
    expect(settings.roles).toEqual([role]);
    expect(notes.map((note) => note.split(' ')[0])).toEqual(['bin_path', 'bin_name', 'tf_state_bucket']);
  });

  it('tell everything that is wrong together', () => {
    const wrong = example
      .replace('app_name: coffer', 'app_name: Coffer_STS')
      .replace('domain: coffer.example.com', 'domain: coffer.example.org')
      .replace(role, 'AccountAdmin')
      .replace('email: security@example.com', 'emial: security@example.com');
    expect(() => readSettings(wrong)).toThrow(
      /app_name is not .*\nemail is missing.*\nroles has something.*\ndomain is not in the zone example.com\nthere is no key emial/s,
    );
    expect(() => readSettings('- a list')).toThrow('the file is no list of keys and values');
  });
});

it('is made by the program that the CDK runs, without a network', () => {
  const settings = join(temporary, 'app.yml');
  const bundle = join(temporary, 'bundle');
  const out = join(temporary, 'out');
  mkdirSync(bundle, { recursive: true });
  writeFileSync(join(bundle, 'public.mjs'), '');
  writeFileSync(settings, example);
  const made = spawnSync(process.execPath, [join(root, 'deploy/cdk/run.mjs')], {
    cwd: temporary,
    encoding: 'utf8',
    env: {
      PATH: process.env['PATH'],
      HOME: temporary,
      CDK_OUTDIR: out,
      COFFER_CDK_SETTINGS: settings,
      COFFER_CDK_BUNDLE: bundle,
    },
  });
  expect(made.stderr).toBe('');
  expect(made.status).toBe(0);
  const stack = JSON.parse(readFileSync(join(out, 'coffer.template.json'), 'utf8')) as JsonObject;
  expect(isJsonObject(stack['Resources'])).toBe(true);
  expect(readdirSync(out)).toContain('manifest.json');
}, 120_000);

/** The text of what CloudFormation puts together. */
function joined(value: JsonValue): string {
  if (typeof value === 'string') return value;
  if (!isJsonObject(value)) return '';
  const join = value['Fn::Join'];
  if (Array.isArray(join) && Array.isArray(join[1])) return join[1].map((part) => joined(part)).join('');
  const { Ref: ref } = value;
  if (ref === 'AWS::Partition') return 'aws';
  if (ref === 'AWS::AccountId') return '111122223333';
  if (typeof ref === 'string') return `ref-${ref}`;
  const [name, attribute] = Array.isArray(value['Fn::GetAtt']) ? value['Fn::GetAtt'] : [];
  const service = String(name).startsWith('Key')
    ? 'kms:eu-central-1:111122223333:key/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0'
    : `x:eu-central-1:111122223333:${name}`;
  return attribute === 'Arn' ? `arn:aws:${service}` : `${name}.${attribute}`;
}
