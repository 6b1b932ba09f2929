// The three lines that `npm start` prints: issue, introspect, revoke. A person pastes them one after
// the other into a POSIX shell, in any directory.
//
// No secret is on a command line, where `ps` would show it to every user. curl reads the client's
// credentials from a file of mode 0600 and the token from standard input.

import { join } from 'node:path'

export interface CurlTarget {
  readonly issuer: string
  readonly introspect: string
  readonly dataDir: string
}

/** Text of a curl configuration file that authenticates as a client. */
export function curlConfig(clientId: string, clientSecret: string): string {
  return [
    `user = "${clientId}:${clientSecret}"`,
    'silent',
    'show-error',
    // A proxy in the environment would be asked for this machine's own loopback address.
    'noproxy = "*"',
    'write-out = "\\n"',
    '',
  ].join('\n')
}

export function curlConfigPath(dataDir: string, clientId: string): string {
  return join(dataDir, `${clientId}.curl`)
}

export function shellWord(text: string): string {
  return /^[A-Za-z0-9/._:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}

/** Issue, introspect, revoke. */
export function curlLines(target: CurlTarget): readonly [string, string, string] {
  const as = (clientId: string): string =>
    `curl -K ${shellWord(curlConfigPath(target.dataDir, clientId))}`
  const pick = `sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/'`
  const issue = `${as('web-app')} -d grant_type=client_credentials ${target.issuer}/token`
  // `-d @-` drops the line end that echo adds.
  const send = (command: string): string => `echo "token=$TOKEN" | ${command}`
  return [
    `TOKEN=$(${issue} | ${pick}); echo "$TOKEN"`,
    send(`${as('grades-api')} -d @- ${target.introspect}/introspect`),
    send(`${as('web-app')} -w '%{http_code}\\n' -d @- ${target.issuer}/revoke`),
  ]
}
