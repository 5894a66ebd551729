variable "name" {
  description = "Name of the queue; its dead-letter queue is named after it."
  type        = string
  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,75}$", var.name))
    error_message = "A standard queue's name has 1 to 75 letters, digits, hyphens and underscores; FIFO queues are not used."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the messages."
  type        = string
}

variable "visibility_seconds" {
  description = "How long a message is kept for the worker that took it: at least twice ROWCALL_PREDICT_TIMEOUT_SECONDS and 60."
  type        = number
}

variable "retention_seconds" {
  description = "How long a message waits: longer than the longest deadline of a job."
  type        = number
  default     = 345600
}

variable "max_receives" {
  description = "Deliveries before a message is set aside. A worker refuses a queue with fewer than 5: a stop gives a message back without any fault."
  type        = number
  default     = 5
  validation {
    condition     = var.max_receives >= 5
    error_message = "A worker refuses to start on a queue whose maxReceiveCount is below 5."
  }
}

variable "max_message_bytes" {
  description = "Largest message; ROWCALL_SQS_MESSAGE_BYTES must not exceed it."
  type        = number
  default     = 262144
}

variable "data_key_reuse_seconds" {
  description = "How long SQS uses one data key: an outage of KMS is not felt for so long."
  type        = number
  default     = 3600
}
