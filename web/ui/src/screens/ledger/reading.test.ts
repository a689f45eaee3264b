import { describe, expect, it } from 'vitest'
import { readPasted } from './pasted'
import { grouped } from './steps'

describe('what was pasted', () => {
  const id = '01a201f5420e700185de644e99b602af'
  const hex = '5f36384bca4dee75bbc7a34255981e1ddf83270b26e1f2a1eac4766012f8ee4b'
  it.each([
    [id, { kind: 'id', id }], [` ${id.toUpperCase()}\n`, { kind: 'id', id }], [`run ${id}`, { kind: 'id', id }],
    [hex, { kind: 'hash', hash: hex }], [`sha256:${hex}`, { kind: 'hash', hash: hex }], [hex.replace(/(.{16})/g, '$1 '), { kind: 'hash', hash: hex }],
    ['76K/oy1UpGmrf+FnDYGxHp7HsjALYCYv9UgqKmda/2M=', { kind: 'hash', hash: '76K/oy1UpGmrf+FnDYGxHp7HsjALYCYv9UgqKmda/2M=' }],
  ])('%s', (text, want) => expect(readPasted(text)).toEqual(want))
  it('leaves a seal as it is, to the byte', () => {
    const seal = ' {"payload": "x"}\n'
    expect(readPasted(seal)).toEqual({ kind: 'seal', text: seal })
  })
  it('says what it cannot read', () => {
    expect(readPasted('')).toMatchObject({ kind: 'unknown' })
    expect(readPasted(id.slice(1))).toMatchObject({ kind: 'unknown', reason: expect.stringContaining('32 hexadecimal') })
  })
})

describe('steps of a seal', () => {
  it('are in the order of a reader, none lost', () => {
    const steps = ['file gu_ept.csv', 'checkpoint', 'envelope', 'inclusion proof', 'a new step', 'signature', 'leaf'].map((name, i) => ({ name, ok: i > 0 }))
    const groups = grouped(steps)
    expect(groups.map((g) => g.title)).toEqual(['Signature', 'Ledger entry', 'Inclusion', 'Checkpoint', 'Files of the result', 'Further steps'])
    expect(groups.flatMap((g) => g.steps)).toHaveLength(steps.length)
    expect(groups.find((g) => g.title === 'Files of the result')!.broken).toBe(1)
  })
})
