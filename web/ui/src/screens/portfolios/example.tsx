import { useState, type ReactNode } from 'react'
import { useLocation } from 'wouter'
import { api, ApiError, newKey, type Schemas } from '../../api/client'
import { useMay, useRefresh } from '../../api/queries'
import { Notice } from '../../parts/states'
import { toast } from '../../parts/toast'
import { portfolioAt } from '../../url'

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
  /** Begins the run, and says where to go: to it, or to the portfolio where there is none. */
  const begun = async (made: Schemas['ImportedPortfolio']) => {
    if (!may('run.submit')) {
      toast(`${made.name} imported`)
      return portfolioAt(made.id)
    }
    try {
      const run = (await api.post('/api/v1/runs', { body: { portfolio: made.id, portfolio_version: made.version, name: 'Example' }, key: keys.run })).data
      toast(`${made.name} imported, run submitted`)
      return `/runs/${run.id}`
    } catch (e) {
      if (!(e instanceof ApiError)) throw e
      toast(`${made.name} imported, but no run of it was begun. ${e.problem.title}. ${e.problem.detail ?? ''}`, 'error')
      return portfolioAt(made.id)
    }
  }
  const use = async () => {
    setBusy(true)
    setError(undefined)
    try {
      navigate(await begun((await api.post('/api/v1/portfolios/example', { key: keys.portfolio })).data))
    } catch (e) {
      if (!(e instanceof ApiError)) throw e
      setError(e)
    } finally {
      setBusy(false)
      // Only at the end: where the list has a portfolio this button is taken away, and what it has to say with it.
      void refresh('/api/v1/portfolios', '/api/v1/runs')
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
