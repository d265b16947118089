"""Looks into a bucket, and meddles with it, by another S3 client than Vitrine's: outside-bucket.py ORDER, as JSON; answers JSON."""
import base64
import hashlib
import json
import sys

import boto3
from botocore.config import Config

order = json.loads(sys.argv[1])
s3 = boto3.client(
    "s3",
    endpoint_url=order["endpoint"],
    aws_access_key_id=order["accessKey"],
    aws_secret_access_key=order["secretKey"],
    region_name="us-east-1",
    config=Config(s3={"addressing_style": "path"}, proxies={}),
)
bucket = order["bucket"]


def names(prefix):
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            yield entry["Key"]


def digest(name):
    hashed = hashlib.sha256()
    for piece in s3.get_object(Bucket=bucket, Key=name)["Body"].iter_chunks(1 << 20):
        hashed.update(piece)
    return hashed.hexdigest()


if order["action"] == "list":
    objects = [{"key": name.removeprefix("objects/"), "sha256": digest(name)} for name in names("objects/")]
    print(json.dumps({"objects": objects, "unfinished": list(names("unfinished/"))}))
elif order["action"] == "read":
    body = s3.get_object(Bucket=bucket, Key="objects/" + order["key"])["Body"].read()
    print(json.dumps({"bytes": base64.b64encode(body).decode()}))
elif order["action"] == "write":
    s3.put_object(Bucket=bucket, Key="objects/" + order["key"], Body=base64.b64decode(order["bytes"]))
    print("{}")
elif order["action"] == "remove":
    s3.delete_object(Bucket=bucket, Key="objects/" + order["key"])
    print("{}")
elif order["action"] == "leave-unfinished":
    s3.put_object(Bucket=bucket, Key="unfinished/" + order["key"] + "/upload", Body=b"")
    s3.create_multipart_upload(Bucket=bucket, Key="objects/" + order["key"])
    print("{}")
else:
    sys.exit("no such action")
