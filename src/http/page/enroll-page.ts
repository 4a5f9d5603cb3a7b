/** The page for enrolments: bare, without anything of anybody else's. */
export const enrollPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Enroll a device</title>
<link rel="stylesheet" href="enroll.css">
<script src="enroll.js" defer></script>
</head>
<body>
<main>
<h1>Enroll a device</h1>
<noscript><p>This page needs JavaScript. Without it, your administrator can tell you how to enroll by the command line.</p></noscript>
<p id="message" role="alert"></p>
<section id="none" hidden>
<p>There is no invitation here. Open the link that you were given, all of it; each is good once.</p>
</section>
<section id="begin" hidden>
<p>You were invited to enroll a device that makes one-time codes. Its secret is shown once, and to you alone: have your app at hand.</p>
<button id="start" type="button">Show the secret</button>
</section>
<section id="scan" hidden>
<p>For <strong id="account"></strong> at <strong id="issuer"></strong>, as <span id="device"></span>. If that is not you, close this page.</p>
<img id="barcode" alt="QR code of the secret" width="300" height="300">
<p><a id="open" rel="noreferrer">Open an app on this device</a>, or type the secret:</p>
<p><code id="secret"></code></p>
<form id="pair" autocomplete="off">
<p>Then type a code of <span id="digits"></span> digits, wait for the next one, and type that:</p>
<label>Code <input id="code" inputmode="numeric" autocomplete="one-time-code" maxlength="12" required></label>
<label>Next code <input id="next-code" inputmode="numeric" autocomplete="off" maxlength="12" required></label>
<button type="submit">Enroll</button>
</form>
</section>
<section id="done" hidden>
<p>The device is enrolled. Its next code logs in.</p>
<div id="recovery" hidden>
<p>Each of these recovery codes opens one enrolment if you lose your devices. They are shown this once: write them down.</p>
<ul id="codes"></ul>
</div>
</section>
</main>
</body>
</html>
`;

export const enrollStyle = `:root { color-scheme: light dark; font-family: system-ui, sans-serif; line-height: 1.5; }
main { max-width: 34rem; margin: 2rem auto; padding: 0 1rem; }
label { display: block; margin: 0.5rem 0; }
input, code, #codes { font: 1.1rem ui-monospace, monospace; }
img { display: block; background: #fff; image-rendering: pixelated; }
code { overflow-wrap: anywhere; }
#message { font-weight: bold; }
`;
