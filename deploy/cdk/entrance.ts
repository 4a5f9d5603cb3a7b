/** How requests come in: a load balancer in a network of its own, with a certificate and a name, and nothing behind it but the function. */

import { Duration, Stack } from 'aws-cdk-lib';
import { Certificate, CertificateValidation } from 'aws-cdk-lib/aws-certificatemanager';
import { IpAddresses, type IVpc, Peer, Port, SecurityGroup, SubnetType, Vpc } from 'aws-cdk-lib/aws-ec2';
import {
  ApplicationLoadBalancer,
  ApplicationProtocol,
  ApplicationTargetGroup,
  ListenerAction,
  SslPolicy,
  TargetType,
  XffHeaderProcessingMode,
} from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { CfnPermission, type Function as Lambda } from 'aws-cdk-lib/aws-lambda';
import { ARecord, HostedZone, RecordTarget } from 'aws-cdk-lib/aws-route53';
import { LoadBalancerTarget } from 'aws-cdk-lib/aws-route53-targets';
import { Construct } from 'constructs';
import type { DeploySettings } from './settings.ts';

export interface EntranceProps {
  readonly settings: DeploySettings;
  readonly target: Lambda;
}

export class Entrance extends Construct {
  readonly balancer: ApplicationLoadBalancer;

  constructor(scope: Construct, id: string, { settings, target }: EntranceProps) {
    super(scope, id);
    const { appName, zone, zoneId, domain } = settings;
    const hostedZone = HostedZone.fromHostedZoneAttributes(this, 'Zone', {
      hostedZoneId: zoneId,
      zoneName: zone,
    });
    const certificate = new Certificate(this, 'Certificate', {
      domainName: domain,
      validation: CertificateValidation.fromDns(hostedZone),
    });
    this.balancer = this.#balancer(settings);
    this.balancer.addListener('Http', {
      port: 80,
      open: false,
      defaultAction: ListenerAction.redirect({ protocol: 'HTTPS', port: '443', permanent: true }),
    });
    const listener = this.balancer.addListener('Https', {
      port: 443,
      open: false,
      protocol: ApplicationProtocol.HTTPS,
      certificates: [certificate],
      sslPolicy: SslPolicy.TLS13_RES,
      defaultAction: ListenerAction.fixedResponse(503),
    });
    listener.addAction('Serve', { action: ListenerAction.forward([this.#group(appName, target)]) });
    new ARecord(this, 'Record', {
      zone: hostedZone,
      recordName: domain,
      target: RecordTarget.fromAlias(new LoadBalancerTarget(this.balancer)),
    });
  }

  #balancer({ appName, allowed }: DeploySettings): ApplicationLoadBalancer {
    // Functions are not in it, and nothing in it opens connections.
    const vpc = new Vpc(this, 'Network', {
      ipAddresses: IpAddresses.cidr('10.0.0.0/24'),
      maxAzs: 2,
      natGateways: 0,
      subnetConfiguration: [{ name: 'public', subnetType: SubnetType.PUBLIC, cidrMask: 26 }],
      restrictDefaultSecurityGroup: false,
      // The library's own class and interface differ where optional members are exact.
    }) as IVpc;
    const securityGroup = new SecurityGroup(this, 'Doors', {
      vpc,
      description: `who may reach ${appName}`,
      allowAllOutbound: false,
    });
    const peers = allowed.length === 0 ? [Peer.anyIpv4()] : allowed.map(peerOf);
    for (const peer of peers) {
      securityGroup.addIngressRule(peer, Port.tcp(443), 'requests');
      securityGroup.addIngressRule(peer, Port.tcp(80), 'is sent on to 443');
    }
    return new ApplicationLoadBalancer(this, 'Balancer', {
      vpc,
      loadBalancerName: `${appName}-alb`,
      internetFacing: true,
      securityGroup,
      deletionProtection: true,
      dropInvalidHeaderFields: true,
      idleTimeout: Duration.seconds(60),
      // The function takes the last entry for the client: the one that the load balancer has seen itself.
      xffHeaderProcessingMode: XffHeaderProcessingMode.APPEND,
    });
  }

  /** The permission names the group, which must not exist before it does: so it names what its ARN begins with. */
  #group(appName: string, target: Lambda): ApplicationTargetGroup {
    const name = `${appName}-alb-tg`;
    const permission = new CfnPermission(this, 'MayInvoke', {
      action: 'lambda:InvokeFunction',
      functionName: target.functionArn,
      principal: 'elasticloadbalancing.amazonaws.com',
      sourceArn: Stack.of(this).formatArn({
        service: 'elasticloadbalancing',
        resource: `targetgroup/${name}/*`,
      }),
    });
    const group = new ApplicationTargetGroup(this, 'Group', {
      targetGroupName: name,
      targetType: TargetType.LAMBDA,
      multiValueHeadersEnabled: true,
      targets: [
        {
          attachToApplicationTargetGroup: () => ({
            targetType: TargetType.LAMBDA,
            targetJson: { id: target.functionArn },
          }),
        },
      ],
    });
    group.node.addDependency(permission);
    return group;
  }
}

function peerOf(network: string) {
  return network.includes(':') ? Peer.ipv6(network) : Peer.ipv4(network);
}
