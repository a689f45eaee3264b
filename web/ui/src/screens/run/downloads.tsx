import { useState } from 'react'
import { linkTo, type Schemas } from '../../api/client'
import { useGet, useMay } from '../../api/queries'
import { bytes } from '../../format'
import { useKeys } from '../../keys'
import { Dialog } from '../../parts/dialog'
import { copy, Ready } from '../../parts/states'

type Run = Schemas['Run']

const titles: Record<string, string> = {
  'summary-info': 'Summaries', selt: 'Sample event losses', splt: 'Sample period losses', melt: 'Moment event losses', mplt: 'Moment period losses', ept: 'Exceedance curves', palt: 'Period average losses', aal: 'Average annual losses', bands: 'Bands of the curves',
}

export function tableTitle(name: string): string {
  const [perspective, kind] = name.includes('_') ? (name.split('_', 2) as [string, string]) : ['', name]
  const title = titles[kind] ?? kind
  return perspective === 'gu' ? `${title}, ground-up` : perspective === 'gr' ? `${title}, gross` : title
}

/** Every table and file of the result, in every form that the API has. Opened by "d". */
export function Downloads({ run }: { run: Run }) {
  const [open, setOpen] = useState(false)
  const may = useMay()
  const allowed = may('run.export')
  useKeys(allowed ? [{ keys: 'd', does: 'Download', run: () => setOpen(true) }] : [])
  if (!allowed) return null
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>Download …</button>
      <Dialog title="Download" open={open} onClose={() => setOpen(false)} wide>{open ? <Files run={run} /> : null}</Dialog>
    </>
  )
}

const largestWorkbook = 150_000 // cells, of the API; a CSV of more than this many bytes has certainly more
const certainlyMore = largestWorkbook * 12

function Files({ run }: { run: Run }) {
  const may = useMay()
  const tables = useGet('/api/v1/runs/{id}/tables', { path: { id: run.id } }, { staleTime: Infinity })
  return (
    <Ready of={tables}>{(t) => (
      <>
        {may('run.report') ? <p>The report, with figures, settings, seal and approval: <a href={`/runs/${run.id}/report`}>as a page</a> or <a href={linkTo('/api/v1/runs/{id}/report', { path: { id: run.id } })} download={`report-${run.id}.pdf`}>as PDF</a>.</p> : null}
        <p>The seal covers the CSV and Parquet files. Excel is offered for tables of up to 150,000 cells.</p>
        <div className="scroll" tabIndex={0} role="region" aria-label="Tables">
          <table>
            <caption className="unseen">Tables</caption>
            <thead><tr><th scope="col">Table</th><th scope="col" className="spare">File</th><th scope="col" className="number spare">Size as CSV</th><th scope="col">As</th></tr></thead>
            <tbody>
              {(t.tables as Schemas['ResultTable'][]).map((table) => {
                const csv = table.files.find((f) => f.name.endsWith('.csv'))
                const as = (format: 'csv' | 'xlsx' | 'parquet') => linkTo('/api/v1/runs/{id}/tables/{name}/export', { path: { id: run.id, name: table.name }, query: { format } })
                return (
                  <tr key={table.name}><td>{tableTitle(table.name)}</td><td className="spare"><code>{table.name}</code></td><td className="number spare">{bytes(csv?.bytes)}</td>
                    <td className="links"><a href={as('csv')} download>CSV</a> {(csv?.bytes ?? 0) <= certainlyMore ? <a href={as('xlsx')} download>Excel</a> : null} <a href={as('parquet')} download>Parquet</a> <a href={linkTo('/api/v1/runs/{id}/tables/{name}', { path: { id: run.id, name: table.name } })}>JSON</a></td></tr>
                )
              })}
              {(t.files as Schemas['ResultFile'][]).map((f) => <tr key={f.name}><td>{f.name}</td><td className="spare" /><td className="number spare">{bytes(f.bytes)}</td><td className="links"><a href={linkTo('/api/v1/runs/{id}/files/{name}', { path: { id: run.id, name: f.name } })} download>{f.name.replace(/^.*\./, '').toUpperCase()}</a></td></tr>)}
            </tbody>
          </table>
        </div>
        <Calls path={`/api/v1/runs/${run.id}/tables/gr_ept/export?format=csv`} command={`qrsd runs download --out=result ${run.id}`} />
      </>
    )}</Ready>
  )
}

/** The same thing from a shell. */
export function Calls({ path, command }: { path: string; command?: string }) {
  const call = `curl -H "Authorization: Bearer $QRSD_API_KEY" "${location.origin}${path}"`
  return (
    <details className="calls"><summary>As API call{command ? ' and command' : ''}</summary>
      {[call, ...(command ? [command] : [])].map((text) => <div key={text}><pre>{text}</pre><button type="button" onClick={() => void copy(text)}>Copy</button></div>)}
    </details>
  )
}
