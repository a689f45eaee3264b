import { describe, expect, it } from 'vitest'
import { shownBytes } from './payload'
import { tableOf } from './roles'
import { roleNames } from './whose'

describe('the permission table', () => {
  it('has a line for each verb', () => {
    const lines = tableOf([{ name: 'admin', verbs: ['user.add', 'run.read'] }, { name: 'viewer', verbs: ['run.read'] }])
    expect(lines.map((l) => `${l.verb} ${[...l.of].join('+')}`)).toEqual(['run.read admin+viewer', 'user.add admin'])
  })
})

describe('roles that can be given', () => {
  it('by an administrator are those of a tenant', () => expect(roleNames('admin', '', 't')).toContain('approver'))
  it('by an operator are its own on the appliance, and the administrator in a tenant', () => {
    expect(roleNames('operator', '', 'x')).toEqual(['operator'])
    expect(roleNames('operator', 't', 'x')).toEqual(['admin'])
  })
})

describe('bytes that left', () => {
  it('are shown as the text that they are', () => expect(shownBytes(btoa('{"a": 1}\n'))).toBe('{"a": 1}\n'))
  it('are hexadecimal where they are no text', () => {
    expect(shownBytes(btoa('\x00\x01\xff'))).toBe('00 01 ff')
    expect(shownBytes(btoa('\xff'.repeat(17))).split('\n')).toHaveLength(2)
  })
})
