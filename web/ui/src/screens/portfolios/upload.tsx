import { useRef, useState, type DragEvent } from 'react'
import { ApiError, type Schemas } from '../../api/client'
import { upload } from '../../api/upload'
import { bytes, share } from '../../format'
import { Notice } from '../../parts/states'
import { formOf, nameFrom, sortFiles, type Chosen } from './files'

/** Where files are dropped or chosen; sends them, shows how far that is, and hands on what the appliance found. */
export function Upload({ method = 'POST', path = '/api/v1/portfolios', etag, name: given, button = 'Import', onImported, onRefused }: {
  method?: 'POST' | 'PUT'; path?: string; etag?: string | undefined; name?: string; button?: string; onImported: (p: Schemas['ImportedPortfolio']) => void; onRefused: (r: Schemas['RefusedExposure']) => void
}) {
  const input = useRef<HTMLInputElement>(null)
  const [chosen, setChosen] = useState<Chosen>({})
  const [name, setName] = useState(given ?? '')
  const [over, setOver] = useState(false)
  const [sent, setSent] = useState<number>()
  const [error, setError] = useState<ApiError>()
  const abort = useRef<AbortController>(undefined)
  const choose = (files: FileList | null) => {
    const next = sortFiles([...(files ?? [])])
    setChosen(next)
    setError(undefined)
    if (!given && !next.problem) setName(nameFrom(next))
  }
  const drop = (e: DragEvent) => {
    e.preventDefault()
    setOver(false)
    choose(e.dataTransfer.files)
  }
  const send = async () => {
    setError(undefined)
    setSent(0)
    abort.current = new AbortController()
    try {
      onImported(await upload<Schemas['ImportedPortfolio']>(method, path, formOf(chosen, name.trim()), { onSent: setSent, signal: abort.current.signal, ...(etag ? { etag } : {}) }))
    } catch (e) {
      if (!(e instanceof ApiError)) throw e
      if (e.problem.exposure) onRefused(e.problem.exposure)
      else setError(e)
    } finally {
      setSent(undefined)
    }
  }
  const files = [chosen.archive, chosen.location, chosen.account].filter((f): f is File => f !== undefined)
  const ready = files.length > 0 && !chosen.problem
  return (
    <div className="upload">
      <div className={over ? 'drop over' : 'drop'} onDragOver={(e) => { e.preventDefault(); setOver(true) }} onDragLeave={() => setOver(false)} onDrop={drop}>
        <p><strong>Drop OED files here</strong>, or <button type="button" className="link" onClick={() => input.current?.click()}>choose them</button>.</p>
        <p className="hint">Locations, and accounts where there are policy terms: CSV or Parquet, or a zip of the two. Up to 1 GiB.</p>
        <input ref={input} type="file" multiple accept=".csv,.parquet,.pq,.zip" aria-label="OED files" className="unseen" tabIndex={-1} onChange={(e) => choose(e.target.files)} />
      </div>
      {chosen.problem && (files.length > 0 || chosen.problem) ? <Notice tone="warn">{chosen.problem}</Notice> : null}
      {ready ? (
        <>
          <ul className="files">
            {chosen.archive ? <li><span>Archive</span> {chosen.archive.name} <span className="muted">{bytes(chosen.archive.size)}</span></li> : null}
            {chosen.location ? <li><span>Locations</span> {chosen.location.name} <span className="muted">{bytes(chosen.location.size)}</span></li> : null}
            {chosen.account ? <li><span>Accounts</span> {chosen.account.name} <span className="muted">{bytes(chosen.account.size)}</span></li> : null}
            {chosen.location && chosen.account ? <li><span /><button type="button" className="link" onClick={() => setChosen({ location: chosen.account!, account: chosen.location! })}>It is the other way round</button></li> : null}
          </ul>
          <div className="field"><label htmlFor="portfolio-name">Name</label><input id="portfolio-name" type="text" value={name} maxLength={200} onChange={(e) => setName(e.target.value)} /></div>
          {sent === undefined
            ? <div className="actions"><button type="button" className="primary" onClick={() => void send()}>{button}</button><button type="button" onClick={() => setChosen({})}>Cancel</button></div>
            : <p className="sending" role="status"><progress max={1} value={sent} aria-label="Upload" /> {sent < 1 ? `${share(sent, 0)} sent` : 'Sent. The appliance reads and checks it.'} {sent < 1 ? <button type="button" onClick={() => abort.current?.abort()}>Stop</button> : null}</p>}
        </>
      ) : null}
      {error ? <Notice tone="error"><strong>{error.problem.title}.</strong> {error.problem.detail}{error.problem.request_id ? <span className="muted small"> Request <code>{error.problem.request_id}</code></span> : null}</Notice> : null}
    </div>
  )
}
