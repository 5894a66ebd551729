# One page, read from top to bottom: what clients see, what waits, who works, what is full.

locals {
  widgets = [
    {
      title   = "Requests and errors"
      stat    = "Sum"
      metrics = [for metric in ["RequestCount", "HTTPCode_Target_5XX_Count", "HTTPCode_ELB_5XX_Count", "HTTPCode_Target_4XX_Count"] : ["AWS/ApplicationELB", metric, "LoadBalancer", var.load_balancer_arn_suffix]]
    },
    {
      title   = "Answer time: median and p99, in seconds"
      stat    = "p99"
      metrics = [for stat in ["p50", "p99"] : ["AWS/ApplicationELB", "TargetResponseTime", "LoadBalancer", var.load_balancer_arn_suffix, { stat = stat, label = stat }]]
    },
    {
      title   = "Messages waiting"
      stat    = "Maximum"
      metrics = concat([], [for queue in values(var.queues) : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue.name]], [for queue in values(var.queues) : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue.dead_name]])
    },
    {
      title   = "Age of the oldest message, in seconds"
      stat    = "Maximum"
      metrics = [for queue in values(var.queues) : ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", queue.name]]
    },
    {
      title   = "Running tasks"
      stat    = "Average"
      metrics = [for service in keys(var.services) : ["ECS/ContainerInsights", "RunningTaskCount", "ClusterName", var.name, "ServiceName", service]]
    },
    {
      title   = "CPU of the tasks, in percent"
      stat    = "Average"
      metrics = [for service in keys(var.services) : ["AWS/ECS", "CPUUtilization", "ClusterName", var.name, "ServiceName", service]]
    },
    {
      title   = "Valkey: memory, in percent"
      stat    = "Maximum"
      metrics = [for node in var.cache_node_ids : ["AWS/ElastiCache", "DatabaseMemoryUsagePercentage", "CacheClusterId", node]]
    },
    {
      title   = "Valkey: load of the engine, in percent"
      stat    = "Average"
      metrics = [for node in var.cache_node_ids : ["AWS/ElastiCache", "EngineCPUUtilization", "CacheClusterId", node]]
    },
    {
      title   = "Tries to deliver webhooks"
      stat    = "Sum"
      metrics = [for try in values(local.webhook_tries) : [local.webhook_namespace, try.metric]]
    },
    {
      title   = "What is paid by use: messages sent, received, deleted"
      stat    = "Sum"
      metrics = flatten([for queue in values(var.queues) : [for metric in ["NumberOfMessagesSent", "NumberOfMessagesReceived", "NumberOfMessagesDeleted", "NumberOfEmptyReceives"] : { row = ["AWS/SQS", metric, "QueueName", queue.name] }]])[*].row
    },
    {
      title   = "What is paid by use: bytes through the load balancer"
      stat    = "Sum"
      metrics = [["AWS/ApplicationELB", "ProcessedBytes", "LoadBalancer", var.load_balancer_arn_suffix], ["AWS/ApplicationELB", "ConsumedLCUs", "LoadBalancer", var.load_balancer_arn_suffix]]
    },
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name

  dashboard_body = jsonencode({
    widgets = [for index, widget in local.widgets : {
      type   = "metric"
      x      = 12 * (index % 2)
      y      = 6 * floor(index / 2)
      width  = 12
      height = 6
      properties = {
        title   = widget.title
        region  = var.region
        view    = "timeSeries"
        period  = 60
        stat    = widget.stat
        metrics = widget.metrics
      }
    } if length(widget.metrics) > 0]
  })
}
