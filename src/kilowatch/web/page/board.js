// The list of devices. Rows come once; after that only what is new of them, and of their last hour where it is in sight.
const FILTERS = [
  ["all", "All", () => true],
  ["odd", "Odd", (row) => ["odd", "very-odd", "silent"].includes(row.look)],
  ["armed", "Armed", (row) => row.safety === "armed"],
  ["protected", "Protected", (row) => row.safety === "protected"],
  ["learning", "Learning", (row) => row.look === "learning"],
];
const SETTLE_MS = 150;

function line(values, skip) {
  let path = "";
  let pen = "M";
  values.forEach((value, column) => {
    if (value < 0) { if (skip) pen = "M"; return; }
    path += `${pen}${column} ${100 - value}`;
    pen = "L";
  });
  return path;
}

function band(low, high) {
  const columns = high.map((value, column) => [column, low[column], value]).filter(([, , top]) => top >= 0);
  if (columns.length < 2) return "";
  const above = columns.map(([column, , top]) => `${column} ${100 - top}`);
  const below = columns.map(([column, bottom]) => `${column} ${100 - Math.max(bottom, 0)}`).reverse();
  return `M${above.join("L")}L${below.join("L")}Z`;
}

export default {
  template: `
    <section class="board" aria-labelledby="board-title">
      <div class="board-head">
        <h2 id="board-title">Devices</h2>
        <div class="filters" role="group" aria-label="Which devices are shown">
          <button v-for="[key, word] in filters" :key="key" type="button" class="chip" :aria-pressed="String(only === key)"
                  @click="only = key">{{ word }} <span class="count">{{ counts[key] }}</span></button>
        </div>
        <input v-if="rows.length > 12" v-model="query" class="search" type="search" placeholder="Find a device"
               aria-label="Find a device by its name or kind" autocomplete="off">
      </div>
      <p v-if="!shown.length" class="empty">No device here.</p>
      <div class="heads" aria-hidden="true"><span>device</span><span>looks</span><span>last hour</span>
        <span>draws</span><span>score</span><span>its power</span></div>
      <ul class="devices">
        <li v-for="row in shown" :key="row.id" :data-id="row.id" :data-look="row.look" class="device">
          <a :href="row.href" class="device-link">
            <span class="cell-name"><span class="name">{{ row.name }}</span><span v-if="row.kind" class="kind">{{ row.kind }}</span></span>
            <span class="cell-state" :class="'is-' + row.look"><span class="mark" :class="'mark-' + row.look"
              :style="{ '--share': row.share }" aria-hidden="true"></span><span>{{ row.state }}</span></span>
            <svg class="spark" viewBox="-1 -6 50 112" preserveAspectRatio="none" aria-hidden="true">
              <path class="spark-band" :d="paths(row.id).band"/><path class="spark-line" :d="paths(row.id).line"/>
            </svg>
            <span class="cell-power"><span class="power">{{ row.power }}</span>
              <span class="expected">{{ row.expected ? "expected " + row.expected : " " }}</span></span>
            <span class="cell-score"><span class="unseen">score </span>{{ row.score === null ? "–" : row.score.toFixed(2) }}</span>
            <span class="cell-may" :class="'may-' + row.safety"><span class="mark" :class="'mark-' + row.safety"
              aria-hidden="true"></span><span>{{ row.may }}<template v-if="row.muted">, muted</template></span></span>
          </a>
        </li>
      </ul>
    </section>`,
  props: { initial: Array },
  data() {
    return { rows: this.initial, sparks: {}, query: "", only: "all", filters: FILTERS };
  },
  computed: {
    shown() {
      const fits = FILTERS.find(([key]) => key === this.only)[2];
      const query = this.query.trim().toLowerCase();
      const found = (row) => !query || `${row.name} ${row.kind}`.toLowerCase().includes(query);
      return this.rows.filter((row) => fits(row) && found(row));
    },
    counts() {
      return Object.fromEntries(FILTERS.map(([key, , fits]) => [key, this.rows.filter(fits).length]));
    },
  },
  watch: {
    shown() { this.$nextTick(this.observe); },
  },
  mounted() {
    this.inSight = new Set();
    this.watcher = new IntersectionObserver(this.moved, { rootMargin: "60px" });
    this.observe();
    this.tell = () => this.settle();
    document.addEventListener("visibilitychange", this.tell);
  },
  unmounted() {
    this.watcher.disconnect();
    document.removeEventListener("visibilitychange", this.tell);
  },
  methods: {
    replace(rows) { this.rows = rows; },
    apply(changes, sparks) {
      for (const { at, ...fresh } of changes) Object.assign(this.rows[at], fresh);
      Object.assign(this.sparks, sparks);
    },
    paths(id) {
      const [power, low, high] = this.sparks[id] || [[], [], []];
      return { line: line(power, false), band: band(low, high) };
    },
    observe() {
      this.watcher.disconnect();
      this.inSight.clear();
      this.$el.querySelectorAll(".device").forEach((row) => this.watcher.observe(row));
      this.settle();
    },
    moved(entries) {
      for (const { target, isIntersecting } of entries) this.inSight[isIntersecting ? "add" : "delete"](target.dataset.id);
      this.settle();
    },
    settle() {
      clearTimeout(this.settling);
      this.settling = setTimeout(() => this.$emit("sight", document.hidden ? [] : [...this.inSight]), SETTLE_MS);
    },
  },
};
