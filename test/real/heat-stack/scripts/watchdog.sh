#!/bin/sh
while sleep 5; do pgrep nginx >/dev/null || reboot; done
