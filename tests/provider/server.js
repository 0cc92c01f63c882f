// An OpenID provider in place of a Keycloak realm: below /realms/arp-dev, by default on port 8080. `oidc-provider` does
// the work. This file has the clients, the users and the exchange of tokens (RFC 8693), which that library leaves to
// its users.

import { createServer } from 'node:http';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { Provider, errors } from 'oidc-provider';

const PORT = Number(process.argv[2] ?? 8080);
const BELOW = '/realms/arp-dev';
const ISSUER = `http://localhost:${PORT}${BELOW}`;
const KEYS = '/protocol/openid-connect/certs';
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const SCOPES = 'runs:read runs:write';
const AUDIENCES = ['arp-run-gateway', 'arp-run-coordinator'];

// The library's clients have no tenants and audiences, so they are listed here.
const CLIENTS = {
  'arp-run-gateway': { tenant: 'default', audience: 'arp-run-gateway' },
  'acme': { tenant: 'acme', audience: 'arp-run-gateway' },
  'stranger': { tenant: 'default', audience: 'somebody-else' },
  'basic': { tenant: 'default', audience: 'arp-run-gateway', auth: 'client_secret_basic' },
};

const resource = (name) => `urn:audience:${name}`;
const server = (name) => ({
  audience: name,
  scope: SCOPES,
  accessTokenFormat: 'jwt',
  accessTokenTTL: 300,
  jwt: { sign: { alg: 'RS256' } },
});

const provider = new Provider(ISSUER, {
  clients: Object.entries(CLIENTS).map(([name, { auth }]) => ({
    client_id: name,
    client_secret: `${name}-secret`,
    token_endpoint_auth_method: auth ?? 'client_secret_post',
    grant_types: ['client_credentials', EXCHANGE],
    redirect_uris: [],
    response_types: [],
  })),
  scopes: SCOPES.split(' '),
  routes: { token: '/protocol/openid-connect/token', jwks: KEYS },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: (ctx, client) => resource(CLIENTS[client.clientId].audience),
      getResourceServerInfo: (ctx, name) => server(name.replace('urn:audience:', '')),
    },
  },
  extraTokenClaims: (ctx, token) => ({ tenant: ctx.exchanged?.tenant ?? CLIENTS[token.clientId].tenant }),
});

const published = createRemoteJWKSet(new URL(`${ISSUER}${KEYS}`));

const subject = async (token) => {
  try {
    return (await jwtVerify(token, published, { issuer: ISSUER })).payload;
  } catch {
    throw new errors.InvalidRequest('the subject token does not hold');
  }
};

provider.registerGrantType(
  EXCHANGE,
  async (ctx) => {
    const { params, client } = ctx.oidc;
    if (!AUDIENCES.includes(params.audience)) throw new errors.InvalidTarget('there is no such audience');
    ctx.exchanged = await subject(params.subject_token);
    const token = new provider.ClientCredentials({ client, scope: SCOPES });
    const of = resource(params.audience);
    token.resourceServer = { ...server(params.audience), identifier: () => of };
    ctx.body = {
      access_token: await token.save(),
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      token_type: 'Bearer',
      expires_in: token.expiration,
    };
  },
  ['subject_token', 'subject_token_type', 'requested_token_type', 'audience', 'scope'],
);

const answer = provider.callback();

createServer((request, response) => {
  if (!request.url.startsWith(`${BELOW}/`)) {
    response.writeHead(404).end();
    return;
  }
  // The library computes the prefix from the difference.
  request.originalUrl = request.url;
  request.url = request.url.slice(BELOW.length);
  answer(request, response);
}).listen(PORT, '127.0.0.1', () => console.log(ISSUER));
