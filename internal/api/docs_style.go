package api

// referenceStyle is the style sheet of the reference page: system fonts, light or dark as the reader's machine is.
const referenceStyle = `
:root{color-scheme:light dark;--bg:#fff;--fg:#1c2024;--dim:#60646c;--line:#e4e6ea;--soft:#f6f7f9;--link:#0b5cad;--req:#b42318;
--get:#0b6e4f;--post:#0b5cad;--put:#8a5a00;--patch:#8a5a00;--delete:#b42318}
@media(prefers-color-scheme:dark){:root{--bg:#111317;--fg:#e6e8eb;--dim:#9ba1a9;--line:#2a2e35;--soft:#1a1d22;--link:#6cb2ff;--req:#ff8a7a;
--get:#52d3a2;--post:#6cb2ff;--put:#f0b94f;--patch:#f0b94f;--delete:#ff8a7a}}
*{box-sizing:border-box}
html{scroll-padding-top:1rem}
body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.55 system-ui,sans-serif;display:grid;grid-template-columns:19rem minmax(0,1fr)}
nav{position:sticky;top:0;height:100vh;overflow:auto;border-right:1px solid var(--line);background:var(--soft);padding:1.2rem 1rem;font-size:13.5px}
nav ul{list-style:none;margin:0 0 .8rem;padding:0}
nav li a{display:flex;gap:.4rem;align-items:baseline;padding:.18rem 0;color:var(--fg);text-decoration:none}
nav li a:hover{color:var(--link);text-decoration:underline}
.brand a{font-weight:650;font-size:16px;color:var(--fg);text-decoration:none}
.group{margin:1rem 0 .3rem;color:var(--dim);font-size:12px;font-weight:600;text-transform:uppercase;letter-spacing:.05em}
main{max-width:58rem;padding:1.5rem 2.5rem 6rem}
h1{margin:.2rem 0;font-size:2rem}
.lead{font-size:1.15rem;color:var(--dim);margin-top:0}
h2{margin:3rem 0 .5rem;padding-bottom:.3rem;border-bottom:1px solid var(--line);font-size:1.4rem}
h2::first-letter{text-transform:uppercase}
h3{margin:0 0 .3rem;font-size:1.12rem}
h4{margin:1.2rem 0 .3rem;font-size:.95rem}
p{margin:.4rem 0 .7rem}
a{color:var(--link)}
section{margin:1.6rem 0;padding:1.1rem 1.2rem;border:1px solid var(--line);border-radius:8px}
section:target,tr:target{outline:2px solid var(--link)}
code,pre{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
code{background:var(--soft);padding:.08em .3em;border-radius:4px}
pre{background:var(--soft);border:1px solid var(--line);border-radius:6px;padding:.7rem .9rem;overflow:auto;white-space:pre}
.route{display:flex;flex-wrap:wrap;gap:.6rem;align-items:center}
.route code{font-size:14px}
.m{flex:none;display:inline-block;min-width:3.8em;font:600 11px/1.6 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.get{color:var(--get)}.post{color:var(--post)}.put{color:var(--put)}.patch{color:var(--patch)}.delete{color:var(--delete)}
.scope,.in,.type{color:var(--dim);font-size:13px}
.scope{margin-left:auto}
.req{color:var(--req);font-size:12px}
table{width:100%;border-collapse:collapse;margin:.3rem 0 .6rem}
td{vertical-align:top;padding:.45rem .6rem .45rem 0;border-top:1px solid var(--line);overflow-wrap:anywhere}
td:first-child{width:15rem}
td p{margin:.15rem 0}
.status{font:600 13px/1.8 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
td.status:first-child{width:4rem}
.header{font-size:13px;color:var(--dim)}
details{margin:.4rem 0}
summary{cursor:pointer;color:var(--link);font-size:13.5px}
@media(max-width:52rem){body{display:block}nav{position:static;height:auto;border-right:0;border-bottom:1px solid var(--line)}main{padding:1rem}td:first-child{width:9rem}}
@media print{nav{display:none}body{display:block}section{break-inside:avoid}}
`
