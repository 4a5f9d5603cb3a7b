/** Who calls the duties' function, and nobody else: a schedule for each minute, and one for each night. */
import { Stack } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { CfnSchedule, CfnScheduleGroup } from 'aws-cdk-lib/aws-scheduler';
import type { CofferFunction } from './functions.ts';
import type { DeploySettings } from './settings.ts';

const times = { due: 'rate(1 minute)', tidy: 'cron(17 3 * * ? *)' } as const;

export function makeSchedule(stack: Stack, { appName }: DeploySettings, duties: CofferFunction): void {
  const group = new CfnScheduleGroup(stack, 'Schedules', { name: appName });
  const schedules = stack.formatArn({ service: 'scheduler', resource: `schedule/${appName}/*` });
  const role = new Role(stack, 'SchedulerRole', {
    roleName: `${appName}-scheduler-role`,
    assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
      conditions: {
        StringEquals: { 'aws:SourceAccount': Stack.of(stack).account },
        ArnLike: { 'aws:SourceArn': schedules },
      },
    }),
  });
  role.addToPolicy(
    new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [duties.lambda.functionArn] }),
  );
  for (const [duty, scheduleExpression] of Object.entries(times)) {
    const schedule = new CfnSchedule(stack, `Schedule-${duty}`, {
      name: `${appName}-${duty}`,
      groupName: appName,
      scheduleExpression,
      flexibleTimeWindow: { mode: 'OFF' },
      target: {
        arn: duties.lambda.functionArn,
        roleArn: role.roleArn,
        // The time is the scheduler's own: the function believes its clock because of it.
        input: JSON.stringify({
          source: 'coffer.duties',
          duty,
          time: '<aws.scheduler.scheduled-time>',
        }),
        retryPolicy: { maximumRetryAttempts: 0, maximumEventAgeInSeconds: 60 },
      },
    });
    schedule.addResourceDependency(group);
    schedule.node.addDependency(role);
  }
}
