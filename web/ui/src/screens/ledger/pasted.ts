// What somebody pasted or dropped to have it verified.

export type Pasted =
  | { kind: 'seal'; text: string } // a seal as it was signed: verified to the byte
  | { kind: 'id'; id: string } // of a run, portfolio or other subject
  | { kind: 'hash'; hash: string } // a digest (hexadecimal), or the hash of a leaf (base64)
  | { kind: 'unknown'; reason: string }

export function readPasted(text: string): Pasted {
  const bare = text.trim()
  if (bare === '') return { kind: 'unknown', reason: 'Paste a seal, the id of a run, or a hash.' }
  if (bare.startsWith('{')) return { kind: 'seal', text }
  const word = bare.replace(/^(run|seal|sha256)[\s:=]+/i, '')
  if (/^[0-9a-f]{32}$/i.test(word)) return { kind: 'id', id: word.toLowerCase() }
  if (/^[0-9a-f]{64}$/i.test(word)) return { kind: 'hash', hash: word.toLowerCase() }
  if (/^[A-Za-z0-9+/]{43}=$/.test(word)) return { kind: 'hash', hash: word }
  const compact = word.replace(/[\s:-]/g, '')
  if (/^[0-9a-f]{32}$/i.test(compact)) return { kind: 'id', id: compact.toLowerCase() }
  if (/^[0-9a-f]{64}$/i.test(compact)) return { kind: 'hash', hash: compact.toLowerCase() }
  return { kind: 'unknown', reason: `This is no seal, id or hash: an id has 32 hexadecimal digits, a hash 64, a seal begins with “{”. It has ${bare.length} characters.` }
}
