"""Lists every object of a bucket with its size and SHA-256, one JSON a line: the soak's judge, by a client that is not Vitrine's."""
import hashlib
import json
import sys

import boto3
from botocore.config import Config

endpoint, bucket, access_key, secret_key = sys.argv[1:5]
s3 = boto3.client(
    "s3",
    endpoint_url=endpoint,
    aws_access_key_id=access_key,
    aws_secret_access_key=secret_key,
    region_name="us-east-1",
    config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}),
)
for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
    for found in page.get("Contents", []):
        digest, size = hashlib.sha256(), 0
        body = s3.get_object(Bucket=bucket, Key=found["Key"])["Body"]
        for chunk in body.iter_chunks(1 << 20):
            digest.update(chunk)
            size += len(chunk)
        print(json.dumps({"key": found["Key"], "listed": found["Size"], "size": size, "sha256": digest.hexdigest()}))
for upload in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
    print(json.dumps({"key": upload["Key"], "upload": upload["UploadId"]}))
