// npm's oidc-provider as an authorization server: node oidc_provider.mjs PORT RESOURCE; tokens last six seconds.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [port, resource, modules] = [Number(process.argv[2]), process.argv[3], process.argv[4]];
const found = createRequire(`${modules}/`).resolve('oidc-provider');
const { default: Provider } = await import(pathToFileURL(found).href);

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    { client_id: 'rs', client_secret: 'rs-secret-0815', redirect_uris: [], grant_types: [], response_types: [] },
    {
      client_id: 'machine', client_secret: 'machine-secret-4711', redirect_uris: [], response_types: [],
      grant_types: ['client_credentials'],
    },
  ],
  cookies: { keys: ['of tests'] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: true },
    introspection: { enabled: true },
    registration: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resource,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'tools', audience: resource, accessTokenTTL: 6, accessTokenFormat: 'opaque',
      }),
    },
    revocation: { enabled: true },
  },
  findAccount: (context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  pkce: { required: () => true },
  scopes: ['openid', 'offline_access', 'tools'],
});
provider.listen(port, '127.0.0.1', () => console.log('ready'));
