# How many tasks run. Target tracking policies take tasks away only when all of them agree.

locals {
  # Messages that each task may have waiting: what it answers within the acceptable wait.
  backlog_per_task = var.scaling.backlog == null ? 0 : ceil(
    var.scaling.backlog.acceptable_wait_seconds / var.scaling.backlog.seconds_per_message - 0.001
  )
}

resource "aws_appautoscaling_target" "this" {
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${var.platform.cluster_name}/${aws_ecs_service.this.name}"
  min_capacity       = var.scaling.minimum
  max_capacity       = var.scaling.maximum
}

resource "aws_appautoscaling_policy" "cpu" {
  for_each = var.scaling.cpu_percent == null ? {} : { cpu = var.scaling.cpu_percent }

  name               = "cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this.service_namespace
  scalable_dimension = aws_appautoscaling_target.this.scalable_dimension
  resource_id        = aws_appautoscaling_target.this.resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = each.value
    scale_out_cooldown = 60
    scale_in_cooldown  = 300

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}

resource "aws_appautoscaling_policy" "requests" {
  for_each = var.scaling.requests == null ? {} : { requests = var.scaling.requests }

  name               = "requests"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this.service_namespace
  scalable_dimension = aws_appautoscaling_target.this.scalable_dimension
  resource_id        = aws_appautoscaling_target.this.resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = each.value.per_minute_and_task
    scale_out_cooldown = 60
    scale_in_cooldown  = 300

    predefined_metric_specification {
      predefined_metric_type = "ALBRequestCountPerTarget"
      resource_label         = each.value.resource_label
    }
  }
}

resource "aws_appautoscaling_policy" "backlog" {
  for_each = var.scaling.backlog == null ? {} : { backlog = var.scaling.backlog }

  name               = "backlog"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this.service_namespace
  scalable_dimension = aws_appautoscaling_target.this.scalable_dimension
  resource_id        = aws_appautoscaling_target.this.resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = local.backlog_per_task
    scale_out_cooldown = 60
    scale_in_cooldown  = each.value.scale_in_cooldown_seconds

    customized_metric_specification {
      # A policy does not act on missing data, and a queue that nobody uses has none.
      metrics {
        id          = "backlog"
        label       = "Messages for each running task"
        expression  = "FILL(visible, 0) / IF(FILL(running, 1) < 1, 1, FILL(running, 1))"
        return_data = true
      }

      metrics {
        id          = "visible"
        return_data = false

        metric_stat {
          stat = "Average"

          metric {
            namespace   = "AWS/SQS"
            metric_name = "ApproximateNumberOfMessagesVisible"

            dimensions {
              name  = "QueueName"
              value = each.value.queue_name
            }
          }
        }
      }

      metrics {
        id          = "running"
        return_data = false

        metric_stat {
          stat = "Average"

          metric {
            namespace   = "ECS/ContainerInsights"
            metric_name = "RunningTaskCount"

            dimensions {
              name  = "ClusterName"
              value = var.platform.cluster_name
            }

            dimensions {
              name  = "ServiceName"
              value = var.name
            }
          }
        }
      }
    }
  }
}

# A queue that grows old within a minute doubles the service at once.
resource "aws_appautoscaling_policy" "burst" {
  for_each = var.scaling.burst == null ? {} : { burst = var.scaling.burst }

  name               = "burst"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.this.service_namespace
  scalable_dimension = aws_appautoscaling_target.this.scalable_dimension
  resource_id        = aws_appautoscaling_target.this.resource_id

  step_scaling_policy_configuration {
    adjustment_type          = "PercentChangeInCapacity"
    cooldown                 = 60
    metric_aggregation_type  = "Maximum"
    min_adjustment_magnitude = 1

    step_adjustment {
      metric_interval_lower_bound = 0
      scaling_adjustment          = 100
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "burst" {
  for_each = var.scaling.burst == null ? {} : { burst = var.scaling.burst }

  alarm_name          = "${var.platform.cluster_name}-${var.name}-burst"
  alarm_description   = "The oldest message is older than ${each.value.oldest_message_seconds} s: ${var.name} is doubled. Runbook: docs/runbooks/queue-age.md"
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.oldest_message_seconds
  evaluation_periods  = 1
  period              = 60
  statistic           = "Maximum"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = each.value.queue_name }
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_appautoscaling_policy.burst[each.key].arn]
}

# Where the peak has a clock, the floor has one too.
resource "aws_appautoscaling_scheduled_action" "this" {
  for_each = var.scaling.schedule

  name               = each.key
  service_namespace  = aws_appautoscaling_target.this.service_namespace
  scalable_dimension = aws_appautoscaling_target.this.scalable_dimension
  resource_id        = aws_appautoscaling_target.this.resource_id
  schedule           = each.value.schedule
  timezone           = each.value.timezone

  scalable_target_action {
    min_capacity = each.value.minimum
    max_capacity = each.value.maximum
  }
}
