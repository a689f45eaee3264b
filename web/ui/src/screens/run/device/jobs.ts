// Jobs for quantum devices as this screen reads them: names of questions, the report of an answered job, and how their figures are written.
import type { Schemas } from '../../../api/client'
import { useGet } from '../../../api/queries'
import { money, share } from '../../../format'

export type Job = Schemas['QuantumJob']
export type Question = Schemas['QuantumQuestion']
export type Device = Schemas['QuantumDevice']

export const jobsPath = '/api/v1/quantum-jobs'

/** What is read anew after a step with a job: the jobs, what is spent, what left. */
export const afterStep = [jobsPath, '/api/v1/quantum-settings', '/api/v1/egress', '/api/v1/audit'] as const

/** The report that an answered job has (quantumjob's format 1): the API hands it on as it was kept. */
export interface Report {
  format: number; backend: string; device: string; simulated: boolean; unit?: string
  exact: number; estimate: { value: number; intervals: { low: number; high: number }[]; confidence: number } | null; no_estimate?: string
  shots: number; queries: number; queries_with_calibration: number; quote_usd: string; tasks: string[]; provenance: string; note: string
  noise?: { probability: number; gate: number; levels: { power: number; contrast?: number }[] }
}

/** The report of a job; none where it is not answered, or has another form than this screen reads. */
export function reportOf(job: Job): Report | undefined {
  const report = job.report as unknown as Report | undefined
  return report?.format === 1 && Array.isArray(report.tasks) ? report : undefined
}

export interface QuestionName { panel: string; kind: string; period: string }

/** The parts of a question's name: gross-aep/exceedance/100. */
export function partsOf(name: string): QuestionName {
  const [panel = '', kind = '', period = ''] = name.split('/')
  return { panel, kind, period }
}

/** Distinct values of one part of the questions' names, in their order. */
export function choicesOf(questions: readonly Question[], part: keyof QuestionName, fixed: Partial<QuestionName> = {}): string[] {
  const names = questions.map((q) => partsOf(q.name)).filter((n) => Object.entries(fixed).every(([key, value]) => n[key as keyof QuestionName] === value))
  return [...new Set(names.map((n) => n[part]))]
}

const panels: Record<string, string> = { 'gross-oep': 'Gross, OEP', 'gross-aep': 'Gross, AEP', 'ground-up-oep': 'Ground-up, OEP', 'ground-up-aep': 'Ground-up, AEP' }
const kinds: Record<string, string> = { exceedance: 'Exceedance probability', excess: 'Mean excess', layer: 'Expected layer loss' }
export const panelName = (panel: string) => panels[panel] ?? panel
export const kindName = (kind: string) => kinds[kind] ?? kind

/** A question in a line: Gross, AEP · exceedance probability · 100 years. */
export function questionLine(name: string): string {
  const { panel, kind, period } = partsOf(name)
  return `${panelName(panel)} · ${kindName(kind).toLowerCase()} · ${period} years`
}

/** Answers of exceedance are probabilities, all others money. */
export function figure(question: string, value: number | undefined): string {
  return partsOf(question).kind === 'exceedance' ? share(value, 3) : money(value)
}

/** How many bytes a text has as it is sent. */
export function sizeOf(text: string): number {
  return new TextEncoder().encode(text).length
}

/** The last part of a device's ARN, and whether it is hardware; an ARN that is not listed is taken for what it says. */
export function deviceOf(arn: string, devices: readonly Device[]): { name: string; hardware: boolean } {
  const known = devices.find((d) => d.arn === arn)
  return { name: arn.split('/').at(-1) ?? arn, hardware: known ? known.hardware : arn.includes('device/qpu/') }
}

export const stages = { prepared: ['◇', 'Prepared', 'muted'], exported: ['◈', 'With a relay', 'accent'], submitted: ['◑', 'Submitted', 'accent'], answered: ['●', 'Answered', 'ok'], withdrawn: ['—', 'Withdrawn', 'muted'] } as const

/** The questions of a run that kept an estimate. */
export function useQuestions(run: string, enabled = true) {
  return useGet('/api/v1/runs/{id}/quantum-questions', { path: { id: run } }, { staleTime: Infinity, enabled })
}

/** Limit, spending, relays, and why no device can be reached from here. */
export function useDeviceSettings(enabled = true) {
  return useGet('/api/v1/quantum-settings', {}, { enabled })
}
