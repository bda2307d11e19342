// Where things lie in the data folder, in one place.

/** Component bytes, by digest. */
export function artifactFolder(data: string): string {
  return `${data}/artifacts/sha256`;
}

/** Programs made from them, by digest and toolchain; may be deleted at any time. */
export function programFolder(data: string): string {
  return `${data}/artifacts/programs`;
}
