# What Terraform calls for an environment, by service: once to look, and once to change.

locals {
  read_actions = {
    acm = ["DescribeCertificate", "GetCertificate", "ListTagsForCertificate"]
    "application-autoscaling" = [
      "DescribeScalableTargets",
      "DescribeScalingPolicies",
      "DescribeScheduledActions",
      "ListTagsForResource",
    ]
    cloudwatch = ["DescribeAlarms", "GetDashboard", "ListTagsForResource"]
    ec2 = [
      "DescribeAddresses",
      "DescribeAddressesAttribute",
      "DescribeAvailabilityZones",
      "DescribeFlowLogs",
      "DescribeInternetGateways",
      "DescribeManagedPrefixLists",
      "DescribeNatGateways",
      "DescribeNetworkAcls",
      "DescribeNetworkInterfaces",
      "DescribePrefixLists",
      "DescribeRouteTables",
      "DescribeSecurityGroupRules",
      "DescribeSecurityGroups",
      "DescribeSubnets",
      "DescribeVpcAttribute",
      "DescribeVpcEndpoints",
      "DescribeVpcs",
      "GetManagedPrefixListEntries",
    ]
    ecs = [
      "DescribeClusters",
      "DescribeServiceDeployments",
      "DescribeServiceRevisions",
      "DescribeServices",
      "DescribeTaskDefinition",
      "ListServiceDeployments",
      "ListTagsForResource",
    ]
    elasticache = [
      "DescribeCacheClusters",
      "DescribeCacheParameterGroups",
      "DescribeCacheParameters",
      "DescribeCacheSubnetGroups",
      "DescribeReplicationGroups",
      "ListTagsForResource",
    ]
    elasticloadbalancing = [
      "DescribeCapacityReservation",
      "DescribeListenerAttributes",
      "DescribeListeners",
      "DescribeLoadBalancerAttributes",
      "DescribeLoadBalancers",
      "DescribeTags",
      "DescribeTargetGroupAttributes",
      "DescribeTargetGroups",
      "DescribeTargetHealth",
    ]
    events = ["DescribeRule", "ListTagsForResource", "ListTargetsByRule"]
    iam = [
      "GetRole",
      "GetRolePolicy",
      "ListAttachedRolePolicies",
      "ListInstanceProfilesForRole",
      "ListRolePolicies",
      "ListRoleTags",
    ]
    kms = [
      "Decrypt",
      "DescribeKey",
      "GetKeyPolicy",
      "GetKeyRotationStatus",
      "ListAliases",
      "ListResourceTags",
    ]
    logs = [
      "DescribeLogGroups",
      "DescribeMetricFilters",
      "DescribeResourcePolicies",
      "GetLogDelivery",
      "ListLogDeliveries",
      "ListTagsForResource",
    ]
    route53 = ["GetChange", "GetHostedZone", "ListResourceRecordSets"]
    s3 = [
      "GetAccelerateConfiguration",
      "GetBucketAcl",
      "GetBucketCORS",
      "GetBucketLogging",
      "GetBucketObjectLockConfiguration",
      "GetBucketOwnershipControls",
      "GetBucketPolicy",
      "GetBucketPublicAccessBlock",
      "GetBucketRequestPayment",
      "GetBucketTagging",
      "GetBucketVersioning",
      "GetBucketWebsite",
      "GetEncryptionConfiguration",
      "GetLifecycleConfiguration",
      "GetReplicationConfiguration",
      "ListBucket",
    ]
    secretsmanager = ["DescribeSecret", "GetResourcePolicy", "GetSecretValue"]
    sns = [
      "GetSubscriptionAttributes",
      "GetTopicAttributes",
      "ListSubscriptionsByTopic",
      "ListTagsForResource",
    ]
    sqs = ["GetQueueAttributes", "GetQueueUrl", "ListQueueTags"]
    wafv2 = [
      "GetLoggingConfiguration",
      "GetWebACL",
      "GetWebACLForResource",
      "ListTagsForResource",
    ]
  }

  write_actions = {
    acm = [
      "AddTagsToCertificate",
      "DeleteCertificate",
      "RemoveTagsFromCertificate",
      "RequestCertificate",
    ]
    "application-autoscaling" = [
      "DeleteScalingPolicy",
      "DeleteScheduledAction",
      "DeregisterScalableTarget",
      "PutScalingPolicy",
      "PutScheduledAction",
      "RegisterScalableTarget",
      "TagResource",
      "UntagResource",
    ]
    cloudwatch = [
      "DeleteAlarms",
      "DeleteDashboards",
      "PutDashboard",
      "PutMetricAlarm",
      "TagResource",
      "UntagResource",
    ]
    ec2 = [
      "AllocateAddress",
      "AssociateRouteTable",
      "AttachInternetGateway",
      "AuthorizeSecurityGroupEgress",
      "AuthorizeSecurityGroupIngress",
      "CreateFlowLogs",
      "CreateInternetGateway",
      "CreateNatGateway",
      "CreateRoute",
      "CreateRouteTable",
      "CreateSecurityGroup",
      "CreateSubnet",
      "CreateTags",
      "CreateVpc",
      "CreateVpcEndpoint",
      "DeleteFlowLogs",
      "DeleteInternetGateway",
      "DeleteNatGateway",
      "DeleteRoute",
      "DeleteRouteTable",
      "DeleteSecurityGroup",
      "DeleteSubnet",
      "DeleteTags",
      "DeleteVpc",
      "DeleteVpcEndpoints",
      "DetachInternetGateway",
      "DetachNetworkInterface",
      "DisassociateAddress",
      "DisassociateRouteTable",
      "ModifySecurityGroupRules",
      "ModifySubnetAttribute",
      "ModifyVpcAttribute",
      "ModifyVpcEndpoint",
      "ReleaseAddress",
      "ReplaceRoute",
      "RevokeSecurityGroupEgress",
      "RevokeSecurityGroupIngress",
      "UpdateSecurityGroupRuleDescriptionsEgress",
      "UpdateSecurityGroupRuleDescriptionsIngress",
    ]
    ecs = [
      "CreateCluster",
      "CreateService",
      "DeleteCluster",
      "DeleteService",
      "DeregisterTaskDefinition",
      "PutClusterCapacityProviders",
      "RegisterTaskDefinition",
      "TagResource",
      "UntagResource",
      "UpdateCluster",
      "UpdateClusterSettings",
      "UpdateService",
    ]
    elasticache = [
      "AddTagsToResource",
      "CreateCacheParameterGroup",
      "CreateCacheSubnetGroup",
      "CreateReplicationGroup",
      "CreateSnapshot",
      "DecreaseReplicaCount",
      "DeleteCacheParameterGroup",
      "DeleteCacheSubnetGroup",
      "DeleteReplicationGroup",
      "IncreaseReplicaCount",
      "ModifyCacheParameterGroup",
      "ModifyCacheSubnetGroup",
      "ModifyReplicationGroup",
      "RemoveTagsFromResource",
      "ResetCacheParameterGroup",
    ]
    elasticloadbalancing = [
      "AddTags",
      "CreateListener",
      "CreateLoadBalancer",
      "CreateTargetGroup",
      "DeleteListener",
      "DeleteLoadBalancer",
      "DeleteTargetGroup",
      "DeregisterTargets",
      "ModifyListener",
      "ModifyListenerAttributes",
      "ModifyLoadBalancerAttributes",
      "ModifyTargetGroup",
      "ModifyTargetGroupAttributes",
      "RegisterTargets",
      "RemoveTags",
      "SetSecurityGroups",
      "SetSubnets",
      "SetWebAcl",
    ]
    events = [
      "DeleteRule",
      "PutRule",
      "PutTargets",
      "RemoveTargets",
      "TagResource",
      "UntagResource",
    ]
    iam = [
      "CreateRole",
      "DeleteRole",
      "DeleteRolePolicy",
      "PutRolePolicy",
      "TagRole",
      "UntagRole",
      "UpdateAssumeRolePolicy",
      "UpdateRole",
      "UpdateRoleDescription",
    ]
    kms = [
      "CreateAlias",
      "CreateGrant",
      "CreateKey",
      "DeleteAlias",
      "DisableKeyRotation",
      "EnableKeyRotation",
      "GenerateDataKey",
      "PutKeyPolicy",
      "ScheduleKeyDeletion",
      "TagResource",
      "UntagResource",
      "UpdateAlias",
      "UpdateKeyDescription",
    ]
    logs = [
      "AssociateKmsKey",
      "CreateLogDelivery",
      "CreateLogGroup",
      "DeleteLogDelivery",
      "DeleteLogGroup",
      "DeleteMetricFilter",
      "DeleteRetentionPolicy",
      "DisassociateKmsKey",
      "PutMetricFilter",
      "PutResourcePolicy",
      "PutRetentionPolicy",
      "TagResource",
      "UntagResource",
      "UpdateLogDelivery",
    ]
    route53 = ["AssociateVPCWithHostedZone", "ChangeResourceRecordSets"]
    s3 = [
      "CreateBucket",
      "DeleteBucket",
      "DeleteBucketPolicy",
      "DeleteObject",
      "DeleteObjectVersion",
      "ListBucketVersions",
      "PutBucketLogging",
      "PutBucketOwnershipControls",
      "PutBucketPolicy",
      "PutBucketPublicAccessBlock",
      "PutBucketTagging",
      "PutBucketVersioning",
      "PutEncryptionConfiguration",
      "PutLifecycleConfiguration",
    ]
    secretsmanager = [
      "CreateSecret",
      "DeleteSecret",
      "PutSecretValue",
      "RestoreSecret",
      "TagResource",
      "UntagResource",
      "UpdateSecret",
      "UpdateSecretVersionStage",
    ]
    sns = [
      "CreateTopic",
      "DeleteTopic",
      "SetSubscriptionAttributes",
      "SetTopicAttributes",
      "Subscribe",
      "TagResource",
      "Unsubscribe",
      "UntagResource",
    ]
    sqs = [
      "CreateQueue",
      "DeleteQueue",
      "SetQueueAttributes",
      "TagQueue",
      "UntagQueue",
    ]
    wafv2 = [
      "AssociateWebACL",
      "CreateWebACL",
      "DeleteLoggingConfiguration",
      "DeleteWebACL",
      "DisassociateWebACL",
      "PutLoggingConfiguration",
      "TagResource",
      "UntagResource",
      "UpdateWebACL",
    ]
  }
}
