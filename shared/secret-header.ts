/** Names of headers that carry credentials. */
const credential = /auth|cookie|token|key|secret|session|signature|password/i;

/** Whether what a header holds is a secret by its nature, such as `Authorization`, `Cookie` or `X-Api-Key`. */
export function isSecretHeader(name: string): boolean {
  return credential.test(name);
}
