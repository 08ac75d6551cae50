#!/usr/bin/env bash
# What the kit starts as "the client": hands the scenario to the test that holds Sallyport, and ends as that says.
exec 3<>"/dev/tcp/127.0.0.1/$1"
printf '%s\n' "$MCP_CONFORMANCE_SCENARIO" "$2" "$MCP_CONFORMANCE_CONTEXT" >&3
read -r status <&3
exit "${status:-1}"
