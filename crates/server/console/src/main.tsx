// The console begins: sign in, follow the service, show the page of the address.
import { render } from "preact";
import "uplot/dist/uPlot.min.css";
import "./style.css";
import { Shell } from "./ui/shell";
import { signed } from "./service/client";
import { stop, watch } from "./service/live";
import { follow } from "./service/standing";
import { applyTheme } from "./ui/theme";

applyTheme();
signed.subscribe((who) => {
  if (!who) return stop();
  follow();
  watch();
});

const place = document.getElementById("console");
if (place) render(<Shell />, place);
