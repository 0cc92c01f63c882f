# Default `JARVIS_Release` stack port (RUN_GATEWAY_HOST_PORT)
export RUN_GATEWAY_URL=http://127.0.0.1:8081

export ARP_AUTH_TOKEN_ENDPOINT=http://localhost:8080/realms/arp-dev/protocol/openid-connect/token
export CLIENT_ID=arp-run-gateway
export CLIENT_SECRET=arp-run-gateway-secret

TOKEN="$(
  curl -sS -X POST "$ARP_AUTH_TOKEN_ENDPOINT" \
    -d grant_type=client_credentials \
    -d client_id="$CLIENT_ID" \
    -d client_secret="$CLIENT_SECRET" \
    | python3 -c 'import json,sys; print(json.load(sys.stdin)["access_token"])'
)"

curl -sS -X POST "$RUN_GATEWAY_URL/v1/runs" \
  -H 'Content-Type: application/json' \
  -H "Authorization: Bearer $TOKEN" \
  -d '{
    "root_node_type_ref": {"node_type_id": "jarvis.composite.planner.general", "version": "0.3.3"},
    "input": {"goal": "Generate a UUID, then return it."}
  }'
