// A device's power over the band that was expected, its score below, and when it was on; zoom asks the server for more.
import { echarts } from "nicegui-echart";

const SETTLE_MS = 250;
const UNKNOWN = "-";

const scaled = (value, unit) => {
  const [factor, prefix] = Math.abs(value) >= 1e6 ? [1e6, "M"] : Math.abs(value) >= 1000 ? [1e3, "k"] : [1, ""];
  const number = value / factor;
  return `${Math.abs(number) < 9.95 ? Number(number.toFixed(1)) : Math.round(number)} ${prefix}${unit}`;
};

export default {
  template: `<figure class="chart"><div ref="plot" class="plot" role="img" :aria-label="label" tabindex="0"
    @keydown="key"></div></figure>`,
  props: { past: Object, label: String },
  mounted() {
    this.chart = echarts.init(this.$refs.plot, null, { renderer: "canvas" });
    this.now = this.past;
    this.chart.on("datazoom", () => this.zoomed());
    this.sized = new ResizeObserver(() => { this.chart.resize(); this.draw(); });
    this.sized.observe(this.$refs.plot);
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.scheme.addEventListener("change", this.repaint);
    this.draw();
  },
  beforeUnmount() {
    this.sized.disconnect();
    this.scheme.removeEventListener("change", this.repaint);
    this.chart.dispose();
  },
  methods: {
    repaint() { setTimeout(() => this.draw(), 50); },
    take(past) { this.now = past; this.draw(); },
    zoomed() {
      clearTimeout(this.settling);
      this.settling = setTimeout(() => {
        const { startValue, endValue } = this.chart.getOption().dataZoom[0];
        this.$emit("range", { from: Math.round(startValue), to: Math.round(endValue) });
      }, SETTLE_MS);
    },
    key(event) {
      const { from, to } = this.now;
      const span = to - from;
      const steps = {
        ArrowLeft: [-span / 4, -span / 4], ArrowRight: [span / 4, span / 4],
        "+": [span / 4, -span / 4], "-": [-span / 2, span / 2], "=": [span / 4, -span / 4],
      }[event.key];
      if (!steps) return;
      event.preventDefault();
      this.$emit("range", { from: Math.round(from + steps[0]), to: Math.round(to + steps[1]) });
    },
    colour(name) { return getComputedStyle(this.$refs.plot).getPropertyValue(`--${name}`).trim(); },
    draw() {
      const { time, power, least, most, low, high, score, runs, odd, from, to } = this.now;
      const pairs = (values) => time.map((at, row) => [at, values[row] === null ? UNKNOWN : values[row]]);
      const [ink, quiet, rule, accent, expected, amber] =
        ["ink", "muted", "rule", "accent", "expected", "odd"].map((name) => this.colour(name));
      const narrow = this.$refs.plot.clientWidth < 560;
      const left = 58, right = narrow ? 10 : 18;
      const axis = (grid, shown) => ({
        type: "time", gridIndex: grid, min: from, max: to, axisLine: { lineStyle: { color: rule } },
        axisTick: { show: shown }, splitLine: { show: false }, axisPointer: { label: { show: false } },
        axisLabel: { show: shown, color: quiet, hideOverlap: true,
                     formatter: { day: "{d} {MMM}", hour: "{HH}:{mm}", minute: "{HH}:{mm}", second: "{HH}:{mm}:{ss}" } },
      });
      const value = (grid, name, format, limits) => ({
        type: "value", gridIndex: grid, name, nameTextStyle: { color: quiet, align: "left", padding: [0, 0, 0, -left + 8] },
        axisLabel: { color: quiet, formatter: format }, splitLine: { lineStyle: { color: rule } }, splitNumber: 4, ...limits,
      });
      // Even, so that both steps of its scale are whole and no label covers another.
      const topScore = 2 * Math.max(1, ...score.map((number) => Math.ceil((number ?? 0) / 2)));
      const areas = odd.map(([begin, end]) => [{ xAxis: begin }, { xAxis: end }]);
      const edge = this.colour("edge");
      const stretch = { type: "line", symbol: "none", silent: true, lineStyle: { color: edge, width: 1 }, stack: "expected",
                        stackStrategy: "all", areaStyle: { opacity: 0 }, step: false };
      const between = low.map((bottom, row) => high[row] === null ? null : high[row] - (bottom ?? 0));
      this.chart.setOption({
        useUTC: true, animation: false, textStyle: { fontFamily: "inherit" },
        aria: { enabled: false },
        tooltip: { trigger: "axis", confine: true, backgroundColor: this.colour("surface"), borderColor: rule,
                   textStyle: { color: ink }, formatter: (parts) => this.tip(parts[0]?.dataIndex) },
        axisPointer: { link: [{ xAxisIndex: "all" }], lineStyle: { color: quiet } },
        grid: [
          { left, right, top: 30, height: "52%" },
          { left, right, top: "70%", height: 10 },
          { left, right, top: "80%", bottom: 26 },
        ],
        xAxis: [axis(0, true), axis(1, false), axis(2, false)],
        yAxis: [
          value(0, "power", (number) => scaled(number, "W"), { min: (range) => Math.min(0, range.min) }),
          { type: "value", gridIndex: 1, show: false, min: 0, max: 1 },
          value(2, "score", "{value}", { min: 0, max: topScore, interval: topScore / 2 }),
        ],
        dataZoom: [{ type: "inside", xAxisIndex: [0, 1, 2], filterMode: "none", zoomOnMouseWheel: "ctrl",
                     moveOnMouseMove: true, throttle: 50 }],
        series: [
          { ...stretch, data: pairs(low.map((bottom, row) => high[row] === null ? null : bottom ?? 0)) },
          { ...stretch, data: pairs(between), areaStyle: { color: expected, opacity: 1 } },
          { type: "line", symbol: "none", silent: true, data: pairs(least), lineStyle: { opacity: 0 }, stack: "spread",
            stackStrategy: "all", areaStyle: { opacity: 0 } },
          { type: "line", symbol: "none", silent: true, lineStyle: { opacity: 0 }, stack: "spread", stackStrategy: "all",
            data: pairs(most.map((top, row) => top === null ? null : top - least[row])),
            areaStyle: { color: accent, opacity: 0.28 } },
          { name: "power", type: "line", symbol: "none", data: pairs(power), lineStyle: { color: accent, width: 1.6 },
            markArea: { silent: true, itemStyle: { color: amber, opacity: 0.16 }, data: areas } },
          { type: "custom", xAxisIndex: 1, yAxisIndex: 1, silent: true, data: runs, encode: { x: [0, 1] },
            renderItem: (_, api) => {
              const begin = api.coord([api.value(0), 0]), end = api.coord([api.value(1), 1]);
              return { type: "rect", shape: { x: begin[0], y: end[1], width: Math.max(1, end[0] - begin[0]),
                                              height: begin[1] - end[1] }, style: { fill: accent } };
            }, clip: true },
          { name: "score", type: "line", symbol: "none", xAxisIndex: 2, yAxisIndex: 2, data: pairs(score),
            lineStyle: { color: quiet, width: 1.4 },
            markLine: { silent: true, symbol: "none", label: { show: !narrow, formatter: "edge of expected",
                        position: "insideEndTop", color: quiet }, lineStyle: { color: amber, type: "dashed" },
                        data: [{ yAxis: 1 }] },
            markArea: { silent: true, itemStyle: { color: amber, opacity: 0.16 }, data: areas } },
        ],
      }, { notMerge: false, replaceMerge: ["series"] });
    },
    tip(row) {
      if (row === undefined || row === null) return "";
      const { time, power, least, most, low, high, score } = this.now;
      const lines = [["", new Date(time[row]).toISOString().slice(0, 16).replace("T", " ")]];
      if (power[row] !== null) lines.push(["draws", scaled(power[row], "W")]);
      if (most[row] > least[row]) lines.push(["from, to", `${scaled(least[row], "W")}, ${scaled(most[row], "W")}`]);
      if (high[row] !== null) lines.push(["expected", `${scaled(low[row] ?? 0, "W")} to ${scaled(high[row], "W")}`]);
      if (score[row] !== null) lines.push(["score", score[row].toFixed(2)]);
      const box = document.createElement("div");
      for (const [name, words] of lines) {
        const line = box.appendChild(document.createElement("div"));
        line.textContent = name ? `${name}: ${words}` : words;
      }
      return box;
    },
  },
};
