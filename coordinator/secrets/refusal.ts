/** A document's secrets cannot be taken as they are given; each field and the rule that it breaks. */
export class SecretRefused extends Error {
  override readonly name = "SecretRefused";
  readonly errors: ReadonlyArray<{ readonly field: string; readonly rule: string }>;

  constructor(errors: SecretRefused["errors"]) {
    super(errors.map(({ field, rule }) => `${field}: ${rule}`).join("; "));
    this.errors = errors;
  }
}
