import { describe, expect, it } from 'vitest'
import { formOf, nameFrom, sortFiles } from './files'

const file = (name: string) => new File(['x'], name)

describe('dropped files', () => {
  it('are told apart by their names', () => {
    const c = sortFiles([file('Account_2026.csv'), file('Location_2026.csv')])
    expect([c.location?.name, c.account?.name, c.problem]).toEqual(['Location_2026.csv', 'Account_2026.csv', undefined])
    expect(sortFiles([file('exposure.parquet')]).location?.name).toBe('exposure.parquet')
    expect(sortFiles([file('all.zip')]).archive?.name).toBe('all.zip')
  })
  it('are refused with the reason', () => {
    expect(sortFiles([file('notes.docx')]).problem).toContain('notes.docx is neither')
    expect(sortFiles([file('ri_info.csv')]).problem).toContain('reinsurance')
    expect(sortFiles([file('a.zip'), file('loc.csv')]).problem).toContain('either a zip')
    expect(sortFiles([file('1.csv'), file('2.csv'), file('3.csv')]).problem).toContain('at most two')
    expect(sortFiles([file('acc.csv')]).problem).toContain('no location file')
    expect(sortFiles([]).problem).toBe('Choose a location file.')
  })
  it('give a name to begin with', () => expect(nameFrom(sortFiles([file('Monroe_Dade HO.csv')]))).toBe('Monroe Dade HO'))
  it('go under the API’s names', () => {
    const form = formOf(sortFiles([file('acc.csv'), file('loc.csv')]), 'Q4')
    expect([...form.keys()]).toEqual(['name', 'location', 'account'])
  })
})
