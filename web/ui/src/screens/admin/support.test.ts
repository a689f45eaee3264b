import { describe, expect, it } from 'vitest'
import { found, verdict } from './findings'
import { account, redactions } from './redaction'

const taken = (file: string, text: string) => redactions(file, text).filter((p) => p.taken).map((p) => p.text)

describe('places where something was taken out', () => {
  it('are marked, and the text stays what it is to the byte', () => {
    const text = '{"@message":"no such [withheld] in [withheld]","run":"run 12","status":404}\n'
    expect(taken('log.jsonl', text)).toEqual(['[withheld]', '[withheld]', '"run 12"'])
    expect(redactions('log.jsonl', text).map((p) => p.text).join('')).toBe(text)
  })
  it('are in the configuration what says only that a field is set', () => expect(taken('config.json', '{"URL": "set", "Key": "not set", "Mode": "air-gapped", "Cores": 2}')).toEqual(['"set"', '"not set"']))
  it('are in the store the numbers of tenants, not the appliance', () => expect(taken('store.json', '[{"Tenant": "appliance"}, {"Tenant": "tenant 1"}]')).toEqual(['"tenant 1"']))
  it('are in other files the word alone', () => expect(taken('doctor.json', '"set" "tenant 1" [withheld]')).toEqual(['[withheld]']))
  it('of an empty file are none', () => expect(redactions('log.jsonl', '')).toEqual([]))
})

describe('the account of a file', () => {
  it('claims nothing that the marks do not show', () => {
    const of = (withheld: number, marked: number, name = 'log.jsonl') => account({ name, withheld }, marked)
    expect(of(0, 0)).toMatch(/Nothing/)
    expect(of(322, 0, 'records.txt')).toMatch(/322 places, where nothing is left to mark/)
    expect(of(1412, 1003)).toMatch(/1,412 places\. 1,003 marks show/)
    expect(of(5, 1)).toMatch(/5 places\. 1 mark shows/)
    expect(of(1, 1)).toMatch(/1 place, all of them marked/)
    expect(of(0, 0, 'heap.txt')).toMatch(/folders/)
  })
})

describe('the doctor', () => {
  it('is counted by state, the worst first', () => expect(found([{ state: 'ok' }, { state: 'warning' }, { state: 'ok' }, { state: 'failure' }])).toEqual([['failure', 1], ['warning', 1], ['ok', 2]]))
  it('is as bad as its worst line', () => expect([verdict('failure').tone, verdict('warning').tone, verdict('ok').tone]).toEqual(['error', 'warn', 'ok']))
})
