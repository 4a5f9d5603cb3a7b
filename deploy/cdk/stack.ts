/** Everything that Coffer in Lambda is made of at AWS: what rests, who may do what, the two functions, and how requests come in. */
import { CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { Key } from 'aws-cdk-lib/aws-kms';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { Entrance } from './entrance.ts';
import { CofferFunction } from './functions.ts';
import { makeResting } from './resting.ts';
import { makeSchedule } from './schedule.ts';
import type { DeploySettings } from './settings.ts';

export interface CofferStackProps extends StackProps {
  readonly settings: DeploySettings;
  /** The folder that the functions are in: `dist/lambda`. */
  readonly bundle: string;
}

/** What both functions work with. */
export interface Resting {
  readonly table: Table;
  readonly key: Key;
  readonly topic: Topic;
}

export class CofferStack extends Stack {
  constructor(scope: Construct, id: string, { settings, bundle, ...props }: CofferStackProps) {
    super(scope, id, props);
    const resting = makeResting(this, settings);
    const common = { settings, bundle, resting };
    const served = new CofferFunction(this, 'Public', {
      ...common,
      name: settings.appName,
      handler: 'public.handler',
      timeout: Duration.seconds(30),
      memory: 1_024,
    });
    served.mayReadAndWrite();
    served.mayOpen();
    served.mayTell();
    served.mayAssume(settings.roles);
    const duties = new CofferFunction(this, 'Duties', {
      ...common,
      name: `${settings.appName}-duties`,
      handler: 'duties.handler',
      timeout: Duration.minutes(3),
      memory: 512,
      // More would only wait for each other's locks.
      reserved: 1,
      home: settings.appName,
    });
    duties.mayReadAndWrite();
    duties.mayOpen();
    duties.mayTell();
    duties.mayMakeStore();
    makeSchedule(this, settings, duties);
    const entrance = new Entrance(this, 'Entrance', { settings, target: served.lambda });
    this.#tell(settings, resting, served, entrance);
  }

  #tell(
    { domain }: DeploySettings,
    { table, key, topic }: Resting,
    served: CofferFunction,
    entrance: Entrance,
  ) {
    const outputs = {
      Address: `https://${domain}`,
      LoadBalancer: entrance.balancer.loadBalancerDnsName,
      Storage: `dynamodb:${table.tableName}?region=${this.region}`,
      Seal: `awskms:${key.keyArn}`,
      NoticesTopic: topic.topicArn,
      RoleOfCoffer: served.role.roleArn,
      // What a role that is to be handed out has to say of whom it trusts.
      TrustOfRoles: this.toJsonString({
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { AWS: served.role.roleArn },
            Action: ['sts:AssumeRole', 'sts:TagSession'],
          },
        ],
      }),
    };
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
  }
}
