# One ECS service: its task definition, its log, and how it is deployed.

resource "aws_ecs_task_definition" "this" {
  family                   = "${var.platform.cluster_name}-${var.name}"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.size.cpu
  memory                   = var.size.memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.platform.architecture
  }

  # The root of the file system is read-only; the image declares /tmp as a volume that its user may write to.
  volume {
    name = "tmp"
  }

  ephemeral_storage {
    size_in_gib = var.size.disk_gib
  }

  container_definitions = jsonencode([{
    name                   = var.name
    image                  = var.image
    essential              = true
    entryPoint             = ["python", "-m", "shared.entrypoint"]
    command                = var.command
    user                   = "10001"
    readonlyRootFilesystem = true
    stopTimeout            = var.platform.stop_timeout_seconds
    environment            = [for name in sort(keys(var.environment)) : { name = name, value = var.environment[name] }]
    secrets                = [for name in sort(keys(var.secret_arns)) : { name = name, valueFrom = var.secret_arns[name] }]
    mountPoints            = [{ sourceVolume = "tmp", containerPath = "/tmp", readOnly = false }]
    portMappings           = [for port in compact([var.port]) : { containerPort = tonumber(port), hostPort = tonumber(port), protocol = "tcp" }]
    systemControls         = []
    ulimits                = [{ name = "nofile", softLimit = 65535, hardLimit = 65535 }]
    volumesFrom            = []

    linuxParameters = { capabilities = { add = [], drop = ["ALL"] } }

    healthCheck = {
      command     = concat(["CMD"], var.health_command)
      interval    = 15
      timeout     = 10
      retries     = 3
      startPeriod = 120
    }

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.this.name
        awslogs-region        = var.platform.region
        awslogs-stream-prefix = var.name
        # A log service that hangs must not hold up a prediction.
        mode            = "non-blocking"
        max-buffer-size = "16m"
      }
    }
  }])
}

resource "aws_ecs_service" "this" {
  name            = var.name
  cluster         = var.platform.cluster_arn
  task_definition = aws_ecs_task_definition.this.arn
  desired_count   = var.scaling.minimum

  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  availability_zone_rebalancing      = "ENABLED"
  health_check_grace_period_seconds  = var.target_group_arn == null ? null : 60
  enable_ecs_managed_tags            = true
  enable_execute_command             = var.platform.enable_execute_command
  propagate_tags                     = "SERVICE"
  wait_for_steady_state              = true
  # Without it a change of the capacity providers would replace the service, which is an outage.
  force_new_deployment = true

  # Spot is never waited for: the tasks that the promise needs run on demand.
  capacity_provider_strategy {
    capacity_provider = "FARGATE"
    base              = var.capacity.on_demand_base
    weight            = var.capacity.on_demand_weight
  }

  capacity_provider_strategy {
    capacity_provider = "FARGATE_SPOT"
    weight            = var.capacity.spot_weight
  }

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = [var.security_group_id]
    assign_public_ip = false
  }

  dynamic "load_balancer" {
    for_each = var.target_group_arn == null ? [] : [var.target_group_arn]

    content {
      target_group_arn = load_balancer.value
      container_name   = var.name
      container_port   = var.port
    }
  }

  # Both need an earlier deployment that was completed: the very first one cannot be rolled back.
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  alarms {
    enable      = true
    rollback    = true
    alarm_names = var.platform.deployment_alarm_names
  }

  lifecycle {
    # Scaling decides how many tasks run.
    ignore_changes = [desired_count]
  }

  depends_on = [aws_iam_role_policy.task, aws_iam_role_policy.execution]
}

resource "aws_cloudwatch_log_group" "this" {
  # checkov:skip=CKV_AWS_338: kept for as long as var.platform.log_retention_days says; a year of logs is paid for by whoever needs it
  name              = "/${var.platform.cluster_name}/${var.name}"
  retention_in_days = var.platform.log_retention_days
  kms_key_id        = var.platform.kms_key_arn
}
