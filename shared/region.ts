/** A region's slug: lower-case letters, digits and single hyphens, at most 32 characters. */
export const regionPattern = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;
export const regionRule =
  "must be lower-case letters, digits and single hyphens, at most 32 characters, such as eu-west";

export function isRegion(text: string): boolean {
  return text.length <= 32 && regionPattern.test(text);
}
