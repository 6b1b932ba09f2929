/** What the bare handlers answer: the text they are told, or one like it. */
export const ANSWER = process.argv[2] ?? '{"active":true,"token_type":"Bearer"}'
