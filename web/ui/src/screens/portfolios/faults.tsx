import { useMemo } from 'react'
import type { Schemas } from '../../api/client'
import { count } from '../../format'
import { Notice } from '../../parts/states'
import { Table, type Column } from '../../parts/table'

type Fault = Schemas['ExposureFault'] & { number: number }

/** What is wrong with exposure: where, what, why, and what mends it. Nothing was imported. */
export function Faults({ faults, total, files }: { faults: readonly Schemas['ExposureFault'][]; total: number; files: readonly string[] }) {
  const rows = useMemo(() => faults.map((f, number) => ({ ...f, number })), [faults])
  const columns = useMemo((): Column<Fault>[] => [
    { id: 'line', header: 'Line', number: true, value: (f) => f.line },
    { id: 'column', header: 'Column', value: (f) => f.column },
    { id: 'value', header: 'Value', mono: true, wide: true, value: (f) => f.value, cell: (f) => f.value || <span className="muted">(empty)</span> },
    { id: 'reason', header: 'Why', wide: true, value: (f) => f.reason },
    { id: 'fix', header: 'Fix', wide: true, value: (f) => f.fix },
    { id: 'file', header: 'File', value: (f) => f.file },
  ], [])
  const bad = files.filter((f) => f.includes('bad-'))
  return (
    <section className="section">
      <Notice tone="error"><strong>{count(total)} {total === 1 ? 'fault' : 'faults'}. Nothing was imported.</strong> Mend them in your file, then upload it again.{total > faults.length ? ` The first ${count(faults.length)} are listed; the files have all.` : ''}</Notice>
      <Table caption="Faults" columns={columns} rows={rows} rowKey={(f) => String(f.number)} filter keys stacks {...(rows.length > 60 ? { height: 520 } : {})}
        tools={<>{bad.map((f) => <a key={f} className="button" href={f} download>Download bad rows{bad.length > 1 ? `, ${f.replace(/^.*bad-/, '')}` : ''}</a>)}{files.filter((f) => f.endsWith('/report')).map((f) => <a key={f} className="button" href={f} download="report.json">Report, JSON</a>)}</>} />
    </section>
  )
}
