import pytest, time, collections, os
pytestmark = pytest.mark.browser
def test_perf(visit, server):
    N=int(os.environ.get("N","400"))
    tab = visit("concurrency=6", script="ajax-upload.js")
    c = tab.network()
    c.send("Profiler.enable"); c.send("Profiler.start")
    t=time.time()
    tab.page.evaluate("""(n) => { const files = Array.from({length: n}, (_, n) => new File(['x'+n], `f${n}.txt`)); document.querySelector('ajax-upload').add(files); }""", N)
    print("added", time.time()-t)
    tab.until(lambda: tab.said() == f"{N} files uploaded", timeout=100)
    print("done", time.time()-t)
    p = c.send("Profiler.stop")["profile"]
    nodes={n["id"]:n for n in p["nodes"]}
    self_=collections.Counter()
    for s,d in zip(p["samples"],p["timeDeltas"]):
        f=nodes[s]["callFrame"]; self_[f"{f['functionName']}:{f['lineNumber']+1}"]+=d
    for k,v in self_.most_common(25): print(f"{v/1000:9.0f} ms {k}")
