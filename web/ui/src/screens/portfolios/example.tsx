import { useState, type ReactNode } from 'react'
import { useLocation } from 'wouter'
import { api, ApiError, newKey } from '../../api/client'
import { useMay, useRefresh } from '../../api/queries'
import { Notice } from '../../parts/states'
import { toast } from '../../parts/toast'

/**
 * For whoever has no file at hand: imports the synthetic portfolio that the program carries, and begins a run of it at the defaults where the reader
 * may; else it opens the portfolio. The keys stay the same until it worked, so that a second click imports and submits nothing twice.
 */
export function ExampleButton({ beside }: { beside?: ReactNode }) {
  const may = useMay()
  const [, navigate] = useLocation()
  const refresh = useRefresh()
  const [keys] = useState(() => ({ portfolio: newKey(), run: newKey() }))
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<ApiError>()
  if (!may('portfolio.import')) return null
  const use = async () => {
    setBusy(true)
    setError(undefined)
    try {
      const made = (await api.post('/api/v1/portfolios/example', { key: keys.portfolio })).data
      void refresh('/api/v1/portfolios')
      if (!may('run.submit')) {
        toast(`${made.name} imported`)
        navigate(`/portfolios/${made.id}`)
        return
      }
      const run = (await api.post('/api/v1/runs', { body: { portfolio: made.id, name: 'Example' }, key: keys.run })).data
      void refresh('/api/v1/runs')
      toast(`${made.name} imported, run submitted`)
      navigate(`/runs/${run.id}`)
    } catch (e) {
      if (!(e instanceof ApiError)) throw e
      setError(e)
      setBusy(false)
    }
  }
  return (
    <>
      <div className="actions">{beside}<button type="button" disabled={busy} onClick={() => void use()}>{busy ? 'One moment …' : 'Use the example portfolio'}</button></div>
      <p className="hint">5,000 synthetic locations in Florida, no insurer’s.{may('run.submit') ? ' A run of them begins at once.' : ''}</p>
      {error ? <Notice tone="error"><strong>{error.problem.title}.</strong> {error.problem.detail}</Notice> : null}
    </>
  )
}
