// Of which version of its portfolio a run is to be. Versions are numbered from 1 on, and none is taken away.

/** The version that was asked for where there is one of that number, else the latest; missing says that it was asked for and is not there. */
export function versionOf(asked: string, latest: number): { version: number; missing: boolean } {
  const there = /^[1-9]\d*$/.test(asked) && Number(asked) <= latest
  return { version: there ? Number(asked) : latest, missing: asked !== '' && !there }
}
