// Proofs of Merkle trees (RFC 6962) and signed checkpoints (C2SP tlog-checkpoint in a signed note), verified in this browser: what the
// appliance says of its own logs is not taken on its word.

export type Bytes = Uint8Array<ArrayBuffer>

export function fromBase64(text: string): Bytes {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0))
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('')
}

/** Hexadecimal of a hash that the API gave in base64; the text itself where it is none. */
export function hexOf(base64: string): string {
  try {
    return toHex(fromBase64(base64))
  } catch {
    return base64
  }
}

async function node(left: Bytes, right: Bytes): Promise<Bytes> {
  const all = new Uint8Array(1 + left.length + right.length)
  all[0] = 1
  all.set(left, 1)
  all.set(right, 1 + left.length)
  return new Uint8Array(await crypto.subtle.digest('SHA-256', all))
}

// Sizes go up to 2^53: beyond what the operators on bits hold.
const half = (n: number) => Math.floor(n / 2)
const odd = (n: number) => n % 2 === 1

/** The root that a leaf at index leads to by its path in a tree of size leaves (RFC 9162, 2.1.3.2). An error says that the path does not fit. */
export async function rootOf(leaf: Bytes, index: number, size: number, path: readonly Bytes[]): Promise<Bytes> {
  if (index >= size) throw new Error(`entry ${index} is not in a tree of ${size}`)
  let at = index
  let last = size - 1
  let hash = leaf
  for (const p of path) {
    if (last === 0) throw new Error('the path is too long')
    if (odd(at) || at === last) {
      hash = await node(p, hash)
      while (!odd(at) && at !== 0) { at = half(at); last = half(last) }
    } else hash = await node(hash, p)
    at = half(at)
    last = half(last)
  }
  if (last !== 0) throw new Error('the path is too short')
  return hash
}

/** The two roots that a consistency path leads to (RFC 9162, 2.1.4.2): of the tree before, and of the present one. */
export async function rootsOf(before: number, beforeRoot: Bytes, size: number, path: readonly Bytes[]): Promise<{ before: Bytes; now: Bytes }> {
  if (before < 1 || before > size) throw new Error(`a log of ${size} entries cannot have grown from ${before}`)
  if (before === size) {
    if (path.length > 0) throw new Error('the path is too long')
    return { before: beforeRoot, now: beforeRoot }
  }
  const whole = Number.isInteger(Math.log2(before)) // the tree before is a node of the present one
  const hashes = whole ? [beforeRoot, ...path] : [...path]
  let at = before - 1
  let last = size - 1
  while (odd(at)) { at = half(at); last = half(last) }
  let old = hashes[0]
  let now = hashes[0]
  if (!old || !now) throw new Error('the path is empty')
  for (const p of hashes.slice(1)) {
    if (last === 0) throw new Error('the path is too long')
    if (odd(at) || at === last) {
      old = await node(p, old)
      now = await node(p, now)
      while (!odd(at) && at !== 0) { at = half(at); last = half(last) }
    } else now = await node(now, p)
    at = half(at)
    last = half(last)
  }
  if (last !== 0) throw new Error('the path is too short')
  return { before: old, now }
}

export interface Checkpoint { origin: string; size: number; root: string; time: string; text: string; signatures: { name: string; key: string; signature: Bytes }[] }

/** Reads a signed checkpoint. An error says what is not as it should be. */
export function parseCheckpoint(note: string): Checkpoint {
  const end = note.lastIndexOf('\n\n')
  if (end < 0) throw new Error('the checkpoint has no signatures')
  const text = note.slice(0, end + 1)
  const [origin, size, root, ...more] = text.split('\n')
  if (!origin || !size || !/^\d+$/.test(size) || !root) throw new Error('the checkpoint lacks its origin, size or root')
  const signatures = note.slice(end + 2).split('\n').filter(Boolean).map((line) => {
    const parts = /^— (\S+) (\S+)$/.exec(line)
    if (!parts) throw new Error('a line of the checkpoint is no signature')
    const raw = fromBase64(parts[2]!)
    return { name: parts[1]!, key: toHex(raw.slice(0, 4)), signature: raw.slice(4) }
  })
  return { origin, size: Number(size), root, time: more.find((l) => l.startsWith('time '))?.slice(5) ?? '', text, signatures }
}

/** A verifier key (C2SP signed-note): name+hash+base64 of the algorithm's number and the key. */
function parseKey(text: string): { name: string; hash: string; algorithm: number; key: Bytes } {
  const parts = /^(.+?)\+([0-9a-f]{8})\+(.+)$/.exec(text)
  if (!parts) throw new Error('this is no verifier key')
  const raw = fromBase64(parts[3]!)
  return { name: parts[1]!, hash: parts[2]!, algorithm: raw[0] ?? 0, key: raw.slice(1) }
}

const ed25519 = 1

/** Whether one of the keys made a signature under the checkpoint; undefined where this browser has no Ed25519. */
export async function signed(c: Checkpoint, keys: readonly string[]): Promise<{ holds: boolean; key: string } | undefined> {
  for (const k of keys.map(parseKey)) {
    const made = c.signatures.find((s) => s.name === k.name && s.key === k.hash)
    if (!made || k.algorithm !== ed25519) continue
    let key: CryptoKey
    try {
      key = await crypto.subtle.importKey('raw', k.key, 'Ed25519', false, ['verify'])
    } catch {
      return undefined
    }
    return { holds: await crypto.subtle.verify('Ed25519', key, made.signature, new TextEncoder().encode(c.text)), key: `${k.name}+${k.hash}` }
  }
  return { holds: false, key: '' }
}

/** A step of a verification, in the shape that the API's seals have. */
export interface Step { name: string; ok: boolean; got?: string; want?: string; reason?: string }

interface Proof { sequence: number; leaf: string; size: number; root: string; path: readonly string[]; checkpoint: string }

/** Verifies that a leaf is in the tree of a checkpoint, step by step. leaf is the hash that the entry is listed with, where it is known. */
export async function verifyInclusion(proof: Proof, keys: readonly string[], leaf?: string): Promise<Step[]> {
  const steps: Step[] = []
  if (leaf !== undefined) steps.push(equal('leaf', hexOf(proof.leaf), hexOf(leaf), 'the proof is of another leaf than the one listed'))
  const root = await attempt(() => rootOf(fromBase64(proof.leaf), proof.sequence, proof.size, proof.path.map(fromBase64)))
  steps.push(root.fault === undefined
    ? equal('inclusion', toHex(root.value), hexOf(proof.root), `the path of ${proof.path.length} hashes leads to another root`)
    : { name: 'inclusion', ok: false, want: hexOf(proof.root), reason: root.fault })
  return [...steps, ...(await verifyHead(proof, keys))]
}

interface Growth { earlier: number; earlier_root: string; size: number; root: string; path: readonly string[]; checkpoint: string }

/** Verifies that a log only grew since the head that this browser remembers. */
export async function verifyGrowth(growth: Growth, remembered: { size: number; root: string }, keys: readonly string[]): Promise<Step[]> {
  const steps = [equal('root of then', hexOf(growth.earlier_root), hexOf(remembered.root), 'what the log had then is no longer what it says it had: entries were changed or taken out')]
  const roots = await attempt(() => rootsOf(remembered.size, fromBase64(remembered.root), growth.size, growth.path.map(fromBase64)))
  if (roots.fault !== undefined) steps.push({ name: 'growth', ok: false, reason: roots.fault })
  else {
    steps.push(equal('growth from then', toHex(roots.value.before), hexOf(remembered.root), 'the proof does not begin at what this browser remembers'))
    steps.push(equal('growth to now', toHex(roots.value.now), hexOf(growth.root), 'the proof does not lead to the present root'))
  }
  return [...steps, ...(await verifyHead(growth, keys))]
}

async function verifyHead(head: { size: number; root: string; checkpoint: string }, keys: readonly string[]): Promise<Step[]> {
  const read = await attempt(async () => parseCheckpoint(head.checkpoint))
  if (read.fault !== undefined) return [{ name: 'checkpoint', ok: false, reason: read.fault }]
  const c = read.value
  const steps = [
    equal("checkpoint's size", String(c.size), String(head.size), 'the checkpoint is of another tree than the proof'),
    equal("checkpoint's root", hexOf(c.root), hexOf(head.root), 'the checkpoint is of another tree than the proof'),
  ]
  const by = await attempt(() => signed(c, keys))
  if (by.fault !== undefined) steps.push({ name: 'signature', ok: false, reason: by.fault })
  else if (by.value === undefined) steps.push({ name: 'signature', ok: true, reason: 'not verified: this browser has no Ed25519. The export can be verified elsewhere' })
  else steps.push({ name: 'signature', ok: by.value.holds, got: by.value.key, reason: by.value.holds ? undefined : 'no published key made it' })
  return steps
}

function equal(name: string, got: string, want: string, reason: string): Step {
  return got === want ? { name, ok: true, got, want } : { name, ok: false, got, want, reason }
}

async function attempt<T>(of: () => Promise<T>): Promise<{ value: T; fault?: undefined } | { fault: string }> {
  try {
    return { value: await of() }
  } catch (e) {
    return { fault: e instanceof Error ? e.message : String(e) }
  }
}
