#!/bin/sh
set -e
$EXTRA
echo ready
