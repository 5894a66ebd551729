"""S3 and SQS for trying things out: a moto server with the bucket and the queues that docker/aws.env names."""

import json
import signal

import boto3
from moto.server import ThreadedMotoServer

PORT = 5000
BUCKET = "rowcall-files"
LANES = ("interactive", "bulk")
#: As docs/how-to/run-on-sqs.md says.
VISIBILITY_SECONDS = 180
MAX_RECEIVES = 5
#: moto takes any.
CREDENTIALS = ("any", "any")


def make_resources() -> None:
    """Make the bucket and, for each lane, a queue with its dead-letter queue."""
    session = boto3.Session(*CREDENTIALS, region_name="us-east-1")
    url = f"http://127.0.0.1:{PORT}"
    session.client("s3", endpoint_url=url).create_bucket(Bucket=BUCKET)
    sqs = session.client("sqs", endpoint_url=url)
    for lane in LANES:
        dead = sqs.create_queue(QueueName=f"rowcall-{lane}-dead")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": MAX_RECEIVES})
        attributes = {"VisibilityTimeout": str(VISIBILITY_SECONDS), "RedrivePolicy": redrive}
        sqs.create_queue(QueueName=f"rowcall-{lane}", Attributes=attributes)


def main() -> None:
    server = ThreadedMotoServer(ip_address="0.0.0.0", port=PORT)  # noqa: S104 - nobody outside its network reaches it
    server.start()
    make_resources()
    signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    # Blocked from the start, so that they wait for `sigwait` whichever thread they come to.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    main()
