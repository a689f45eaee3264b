import { describe, expect, it } from 'vitest'
import { fromBase64, hexOf, parseCheckpoint, rootOf, rootsOf, signed, toHex, verifyGrowth, verifyInclusion, type Bytes } from './tree'

// The tree as RFC 6962, 2.1 defines it, by recursion: slow, and written otherwise than what it tests.
async function hash(...parts: Uint8Array[]): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', Uint8Array.from(parts.flatMap((p) => [...p]))))
}
const split = (n: number) => { let k = 1; while (k * 2 < n) k *= 2; return k }
async function mth(leaves: readonly Bytes[]): Promise<Bytes> {
  if (leaves.length === 1) return leaves[0]!
  const k = split(leaves.length)
  return hash(Uint8Array.of(1), await mth(leaves.slice(0, k)), await mth(leaves.slice(k)))
}
async function path(m: number, leaves: readonly Bytes[]): Promise<Bytes[]> {
  if (leaves.length === 1) return []
  const k = split(leaves.length)
  return m < k ? [...(await path(m, leaves.slice(0, k))), await mth(leaves.slice(k))] : [...(await path(m - k, leaves.slice(k))), await mth(leaves.slice(0, k))]
}
async function subproof(m: number, leaves: readonly Bytes[], whole: boolean): Promise<Bytes[]> {
  if (m === leaves.length) return whole ? [] : [await mth(leaves)]
  const k = split(leaves.length)
  return m <= k ? [...(await subproof(m, leaves.slice(0, k), whole)), await mth(leaves.slice(k))] : [...(await subproof(m - k, leaves.slice(k), false)), await mth(leaves.slice(0, k))]
}
const leavesOf = (n: number) => Promise.all(Array.from({ length: n }, (_, i) => hash(Uint8Array.of(0, i))))
const changed = (b: Bytes) => { const c = b.slice(); c[7]! ^= 4; return c }

describe('inclusion', () => {
  it('holds for every leaf of every tree up to 20, and for no other place, root or path', async () => {
    const all = await leavesOf(20)
    for (let size = 1; size <= 20; size++) {
      const leaves = all.slice(0, size)
      const root = toHex(await mth(leaves))
      for (let i = 0; i < size; i++) {
        const p = await path(i, leaves)
        expect(toHex(await rootOf(leaves[i]!, i, size, p))).toBe(root)
        expect(toHex(await rootOf(changed(leaves[i]!), i, size, p))).not.toBe(root)
        if (p.length > 0) {
          expect(toHex(await rootOf(leaves[i]!, i, size, [changed(p[0]!), ...p.slice(1)]))).not.toBe(root)
          await expect(rootOf(leaves[i]!, i, size, p.slice(1)).then(toHex)).rejects.toThrow('too short')
        }
        await expect(rootOf(leaves[i]!, i, size, [...p, all[0]!])).rejects.toThrow('too long')
      }
      await expect(rootOf(leaves[0]!, size, size, [])).rejects.toThrow('is not in a tree')
    }
  })
})

describe('growth', () => {
  it('holds between every two sizes up to 14, and for no other root', async () => {
    const all = await leavesOf(14)
    for (let size = 1; size <= 14; size++) {
      for (let before = 1; before <= size; before++) {
        const old = await mth(all.slice(0, before))
        const proof = await subproof(before, all.slice(0, size), true)
        const roots = await rootsOf(before, old, size, proof)
        expect(toHex(roots.before)).toBe(toHex(old))
        expect(toHex(roots.now)).toBe(toHex(await mth(all.slice(0, size))))
        if (proof.length > 0) {
          const other = await rootsOf(before, old, size, [...proof.slice(0, -1), changed(proof.at(-1)!)])
          expect([toHex(other.before), toHex(other.now)]).not.toEqual([toHex(roots.before), toHex(roots.now)])
        }
      }
    }
    await expect(rootsOf(5, all[0]!, 4, [])).rejects.toThrow('cannot have grown')
  })
  it('finds a log that was cut behind what was seen', async () => {
    const all = await leavesOf(6)
    const b64 = (b: Bytes) => btoa(String.fromCharCode(...b))
    const seen = { size: 4, root: b64(await mth(all.slice(0, 4))) }
    const other = [changed(all[0]!), ...all.slice(1)]
    const growth = { earlier: 4, earlier_root: b64(await mth(other.slice(0, 4))), size: 6, root: b64(await mth(other)), path: (await subproof(4, other, true)).map(b64), checkpoint: '' }
    const steps = await verifyGrowth(growth, seen, [])
    expect(steps.filter((s) => !s.ok).map((s) => s.name)).toContain('root of then')
  })
})

// Of a throw-away appliance.
const proof = {
  sequence: 1, leaf: 'uuM40uyr93QJETLCC3cz20KIgXnikg+SOKCZ3HdQq3o=', size: 7, root: '/ikXtVljn9OAGNjBXxWaJZTbsJd+to8UMKICU8dgqoM=',
  path: ['76K/oy1UpGmrf+FnDYGxHp7HsjALYCYv9UgqKmda/2M=', 'dHFbN0kiKFo7W/YOgEWpJkueq1OC5PV3dCHeM12bOe8=', 'LVfWG+TnErTcz6V4s46zVwaKL6oNl0eRFZOOQTT9yDA='],
  checkpoint: 'qrsd/420e5f58f11c19a9093cb81031726997/fc352eea1a65a5ced4aa9ae1d44ed0ee\n7\n/ikXtVljn9OAGNjBXxWaJZTbsJd+to8UMKICU8dgqoM=\ntime 2026-11-22T06:33:08.937625211Z\n\n— qrsd/420e5f58f11c19a9093cb81031726997/fc352eea1a65a5ced4aa9ae1d44ed0ee eVe2ETigVlQuQoLCUadk8vygki5KfQpuCk7UiY10ch2F093V94+pjOiNFA1IKWiEaD2tZvDBx+ID0lxdwI8stB36YQ8=\n',
}
const keys = ['qrsd/420e5f58f11c19a9093cb81031726997/fc352eea1a65a5ced4aa9ae1d44ed0ee+7957b611+AeBMO0gQhGRuv6h0ThTNXM5y0qQixIM3NuRYuawDeu8J']

describe('a proof of an appliance', () => {
  it('holds to its signature', async () => {
    const steps = await verifyInclusion(proof, keys, proof.leaf)
    expect(steps.map((s) => `${s.name} ${s.ok}`)).toEqual(['leaf true', 'inclusion true', "checkpoint's size true", "checkpoint's root true", 'signature true'])
    expect(steps[1]!.got).toBe(hexOf(proof.root))
  })
  it.each([
    ['another leaf', { leaf: proof.path[0]! }, 'inclusion'],
    ['another place', { sequence: 2 }, 'inclusion'],
    ['another root', { root: proof.leaf }, "checkpoint's root"],
    ['another size', { size: 8 }, "checkpoint's size"],
    ['a later time under the old signature', { checkpoint: proof.checkpoint.replace('06:33:08', '06:33:09') }, 'signature'],
  ])('%s fails', async (_, change, step) => {
    const steps = await verifyInclusion({ ...proof, ...change }, keys)
    expect(steps.filter((s) => !s.ok).map((s) => s.name)).toContain(step)
  })
  it('is signed by none of other keys', async () => {
    expect(await signed(parseCheckpoint(proof.checkpoint), [])).toEqual({ holds: false, key: '' })
  })
  it('says what is wrong with a checkpoint', () => {
    expect(() => parseCheckpoint('qrsd\n7\nroot\n')).toThrow('no signatures')
    expect(() => parseCheckpoint('qrsd\nseven\nroot\n\n— a AAAA\n')).toThrow('size')
    expect(parseCheckpoint(proof.checkpoint)).toMatchObject({ size: 7, time: '2026-11-22T06:33:08.937625211Z' })
  })
  it('reads base64', () => {
    expect(toHex(fromBase64('AAEC/w=='))).toBe('000102ff')
    expect(hexOf('not base64!')).toBe('not base64!')
  })
})
