/**
 * Checks a Content-Type header. The type must match exactly; the only parameter allowed is `charset=utf-8`, because every body
 * is read as UTF-8.
 */

const CHARSET_UTF8 = /^charset=(?:utf-8|"utf-8")$/i

/** Whether `header` names `type` (given in lower case), with no charset but UTF-8. */
export function isMediaType(header: string | undefined, type: string): boolean {
  if (header === undefined) return false
  if (header === type) return true
  const [essence = '', ...parameters] = header.split(';')
  if (essence.trim().toLowerCase() !== type) return false
  return parameters.every((parameter) => CHARSET_UTF8.test(parameter.trim()))
}
