import { describe, expect, it } from 'vitest'
import { choicesOf, deviceOf, figure, partsOf, questionLine, reportOf, sizeOf, type Job } from './jobs'

const question = (name: string) => ({ name, text: name, exact: 0 })

describe('questions', () => {
  const all = ['gross-oep/exceedance/100', 'gross-oep/excess/100', 'gross-oep/exceedance/250', 'gross-aep/layer/50'].map(question)
  it('are named by distribution, figure and return period', () => {
    expect(partsOf('gross-aep/exceedance/100')).toEqual({ panel: 'gross-aep', kind: 'exceedance', period: '100' })
    expect(questionLine('ground-up-oep/layer/50')).toBe('Ground-up, OEP · expected layer loss · 50 years')
  })
  it('leave the choices that go with what was chosen', () => {
    expect(choicesOf(all, 'panel')).toEqual(['gross-oep', 'gross-aep'])
    expect(choicesOf(all, 'kind', { panel: 'gross-oep' })).toEqual(['exceedance', 'excess'])
    expect(choicesOf(all, 'period', { panel: 'gross-oep', kind: 'exceedance' })).toEqual(['100', '250'])
  })
  it('are answered in their unit', () => {
    expect(figure('gross-aep/exceedance/100', 0.0101)).toBe('1.010%')
    expect(figure('gross-aep/excess/100', 1517489.97)).toBe('$1,517,490')
  })
})

describe('devices', () => {
  const forte = { arn: 'arn:aws:braket:us-east-1::device/qpu/ionq/Forte-1', name: 'forte-1', hardware: true }
  it('are told from simulators of the provider, also those that are not listed', () => {
    expect(deviceOf(forte.arn, [forte])).toEqual({ name: 'Forte-1', hardware: true })
    expect(deviceOf('arn:aws:braket:::device/quantum-simulator/amazon/sv1', [])).toEqual({ name: 'sv1', hardware: false })
    expect(deviceOf('arn:aws:braket:eu-north-1::device/qpu/iqm/Garnet', []).hardware).toBe(true)
  })
})

describe('bytes', () => {
  it('are those that are sent, not letters', () => expect(sizeOf('π = 3')).toBe(6))
})

describe('reports', () => {
  it('of another format are not read', () => {
    const job = (report: unknown) => ({ report }) as Job
    expect(reportOf(job({ format: 1, tasks: [] }))).toBeDefined()
    expect(reportOf(job({ format: 2, tasks: [] }))).toBeUndefined()
    expect(reportOf(job(undefined))).toBeUndefined()
  })
})
