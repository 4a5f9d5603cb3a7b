/** A function of the bundle with a role of its own, which may do nothing until it is told what. */
import { type Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Code, Function as Lambda, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { DeploySettings } from './settings.ts';
import type { Resting } from './stack.ts';

export interface CofferFunctionProps {
  readonly name: string;
  /** Module and name: `public.handler`. */
  readonly handler: string;
  readonly settings: DeploySettings;
  readonly bundle: string;
  readonly resting: Resting;
  readonly timeout: Duration;
  /** Megabytes; processor time grows with it, and a cold start is processor time. */
  readonly memory: number;
  /** How many run at a time; as many as are asked for, if absent. */
  readonly reserved?: number;
  /** Makes the store where there is none, by parameters of this name. */
  readonly home?: string;
}

export class CofferFunction extends Construct {
  readonly lambda: Lambda;
  readonly role: Role;
  readonly #resting: Resting;
  readonly #home: string | undefined;

  constructor(scope: Construct, id: string, props: CofferFunctionProps) {
    super(scope, id);
    const { name, settings, resting, home, reserved } = props;
    const { dialect } = settings;
    this.#resting = resting;
    this.#home = home;
    const { region } = Stack.of(this);
    const logGroup = new LogGroup(this, 'Log', {
      logGroupName: `/aws/lambda/${name}`,
      retention: RetentionDays.ONE_YEAR,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.role = new Role(this, 'Role', {
      roleName: `${name}-lambda-role`,
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      description: `what the function ${name} may do`,
    });
    // The group is there: to make others is no right of the function.
    this.#allow(['logs:CreateLogStream', 'logs:PutLogEvents'], [logGroup.logGroupArn]);
    this.lambda = new Lambda(this, 'Function', {
      functionName: name,
      code: Code.fromAsset(props.bundle, { exclude: ['**/*.map'] }),
      handler: props.handler,
      runtime: Runtime.NODEJS_22_X,
      architecture: Architecture.ARM_64,
      role: this.role,
      logGroup,
      timeout: props.timeout,
      memorySize: props.memory,
      // Of events that nobody waits for: the next minute brings the next.
      retryAttempts: 0,
      ...(reserved === undefined ? {} : { reservedConcurrentExecutions: reserved }),
      environment: {
        COFFER_STORAGE: `dynamodb:${resting.table.tableName}?region=${region}`,
        COFFER_SEAL: `awskms:${resting.key.keyArn}`,
        ...(dialect === 'vault' || home !== undefined ? {} : { COFFER_DIALECT: dialect }),
        ...(home === undefined ? {} : { COFFER_LAMBDA_HOME: home }),
      },
    });
  }

  /** Records of the store, and not the table as such. */
  mayReadAndWrite(): void {
    const actions = ['BatchGetItem', 'ConditionCheckItem', 'DeleteItem', 'GetItem', 'PutItem', 'Query'];
    this.#allow(
      actions.map((action) => `dynamodb:${action}`),
      [this.#resting.table.tableArn],
    );
  }

  mayOpen(): void {
    this.#allow(['kms:Decrypt'], [this.#resting.key.keyArn]);
  }

  mayTell(): void {
    this.#allow(['sns:Publish'], [this.#resting.topic.topicArn]);
  }

  /** Of these roles alone it can hand out credentials, whatever is written into its store. */
  mayAssume(roles: readonly string[]): void {
    if (roles.length > 0) this.#allow(['sts:AssumeRole', 'sts:TagSession'], roles);
  }

  /** Once, in an empty table: the parameters remember that, so that a store that is lost is not made anew. */
  mayMakeStore(): void {
    const stack = Stack.of(this);
    const folder = `parameter/coffer/${this.#home}`;
    const parameters = ['', '/*'].map((rest) =>
      stack.formatArn({ service: 'ssm', resource: `${folder}${rest}` }),
    );
    this.#allow(['ssm:GetParameter', 'ssm:GetParametersByPath', 'ssm:PutParameter'], parameters);
    this.#allow(['dynamodb:DescribeTable', 'dynamodb:Scan'], [this.#resting.table.tableArn]);
    this.#allow(['kms:Encrypt'], [this.#resting.key.keyArn]);
  }

  #allow(actions: readonly string[], resources: readonly string[]): void {
    this.role.addToPolicy(new PolicyStatement({ actions: [...actions], resources: [...resources] }));
  }
}
