/** As long as what an introspection of the bench's plain token answers. */
export const ANSWER = JSON.stringify({
  active: true,
  iss: 'http://127.0.0.1:40000',
  sub: 'user-00001',
  client_id: 'web-app',
  scope: 'grades:read',
  aud: ['https://grades.test'],
  token_type: 'Bearer',
  iat: 1_700_000_000,
  exp: 1_700_003_600,
  jti: 'AxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxA',
  grant_id: 'Axxxxxxxxxxxxxxxx',
  sid: 'Axxxxxxxxxxxxxxxx',
  roles: [],
  context_roles: {},
  context_roles_complete: true,
  permissions: {},
})
