#include "CDashboardAssets.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

// The compiler takes the files in (`#embed`, C23), and the build knows when one of them has changed. Tests hold this table against the folder.

#if !__has_embed("../../Vendor/preact.js")
#error "Vendor/preact.js is missing: Scripts/packages fetches it, by its hash"
#endif

#define FILE_BYTES(name) static const uint8_t name[] =

FILE_BYTES(file_actions_js) {
#embed "../Dashboard/Assets/actions.js"
};
FILE_BYTES(file_alerts_js) {
#embed "../Dashboard/Assets/alerts.js"
};
FILE_BYTES(file_api_js) {
#embed "../Dashboard/Assets/api.js"
};
FILE_BYTES(file_app_js) {
#embed "../Dashboard/Assets/app.js"
};
FILE_BYTES(file_chart_js) {
#embed "../Dashboard/Assets/chart.js"
};
FILE_BYTES(file_dashboard_css) {
#embed "../Dashboard/Assets/dashboard.css"
};
FILE_BYTES(file_derive_js) {
#embed "../Dashboard/Assets/derive.js"
};
FILE_BYTES(file_events_js) {
#embed "../Dashboard/Assets/events.js"
};
FILE_BYTES(file_format_js) {
#embed "../Dashboard/Assets/format.js"
};
FILE_BYTES(file_frame_js) {
#embed "../Dashboard/Assets/frame.js"
};
FILE_BYTES(file_icon_svg) {
#embed "../Dashboard/Assets/icon.svg"
};
FILE_BYTES(file_index_html) {
#embed "../Dashboard/Assets/index.html"
};
FILE_BYTES(file_keys_js) {
#embed "../Dashboard/Assets/keys.js"
};
FILE_BYTES(file_licences_txt) {
#embed "../../Vendor/licences.txt"
};
FILE_BYTES(file_lists_js) {
#embed "../Dashboard/Assets/lists.js"
};
FILE_BYTES(file_live_js) {
#embed "../Dashboard/Assets/live.js"
};
FILE_BYTES(file_login_js) {
#embed "../Dashboard/Assets/login.js"
};
FILE_BYTES(file_logpage_js) {
#embed "../Dashboard/Assets/logpage.js"
};
FILE_BYTES(file_logs_js) {
#embed "../Dashboard/Assets/logs.js"
};
FILE_BYTES(file_main_js) {
#embed "../Dashboard/Assets/main.js"
};
FILE_BYTES(file_map_js) {
#embed "../Dashboard/Assets/map.js"
};
FILE_BYTES(file_networks_js) {
#embed "../Dashboard/Assets/networks.js"
};
FILE_BYTES(file_nodes_js) {
#embed "../Dashboard/Assets/nodes.js"
};
FILE_BYTES(file_overview_js) {
#embed "../Dashboard/Assets/overview.js"
};
FILE_BYTES(file_palette_js) {
#embed "../Dashboard/Assets/palette.js"
};
FILE_BYTES(file_plot_js) {
#embed "../Dashboard/Assets/plot.js"
};
FILE_BYTES(file_preact_js) {
#embed "../../Vendor/preact.js"
};
FILE_BYTES(file_product_css) {
#embed "../Dashboard/Assets/product.css"
};
FILE_BYTES(file_selection_js) {
#embed "../Dashboard/Assets/selection.js"
};
FILE_BYTES(file_services_js) {
#embed "../Dashboard/Assets/services.js"
};
FILE_BYTES(file_task_js) {
#embed "../Dashboard/Assets/task.js"
};
FILE_BYTES(file_terminal_js) {
#embed "../Dashboard/Assets/terminal.js"
};
FILE_BYTES(file_ui_js) {
#embed "../Dashboard/Assets/ui.js"
};
FILE_BYTES(file_vt_js) {
#embed "../Dashboard/Assets/vt.js"
};
FILE_BYTES(file_words_en_js) {
#embed "../Dashboard/Assets/words-en.js"
};
FILE_BYTES(file_words_zh_hant_js) {
#embed "../Dashboard/Assets/words-zh-hant.js"
};
FILE_BYTES(file_words_js) {
#embed "../Dashboard/Assets/words.js"
};

#define FILE_ENTRY(name, bytes) {name, bytes, sizeof bytes}

static const DashboardFile files[] = {
    FILE_ENTRY("actions.js", file_actions_js),
    FILE_ENTRY("alerts.js", file_alerts_js),
    FILE_ENTRY("api.js", file_api_js),
    FILE_ENTRY("app.js", file_app_js),
    FILE_ENTRY("chart.js", file_chart_js),
    FILE_ENTRY("dashboard.css", file_dashboard_css),
    FILE_ENTRY("derive.js", file_derive_js),
    FILE_ENTRY("events.js", file_events_js),
    FILE_ENTRY("format.js", file_format_js),
    FILE_ENTRY("frame.js", file_frame_js),
    FILE_ENTRY("icon.svg", file_icon_svg),
    FILE_ENTRY("index.html", file_index_html),
    FILE_ENTRY("keys.js", file_keys_js),
    FILE_ENTRY("licences.txt", file_licences_txt),
    FILE_ENTRY("lists.js", file_lists_js),
    FILE_ENTRY("live.js", file_live_js),
    FILE_ENTRY("login.js", file_login_js),
    FILE_ENTRY("logpage.js", file_logpage_js),
    FILE_ENTRY("logs.js", file_logs_js),
    FILE_ENTRY("main.js", file_main_js),
    FILE_ENTRY("map.js", file_map_js),
    FILE_ENTRY("networks.js", file_networks_js),
    FILE_ENTRY("nodes.js", file_nodes_js),
    FILE_ENTRY("overview.js", file_overview_js),
    FILE_ENTRY("palette.js", file_palette_js),
    FILE_ENTRY("plot.js", file_plot_js),
    FILE_ENTRY("preact.js", file_preact_js),
    FILE_ENTRY("product.css", file_product_css),
    FILE_ENTRY("selection.js", file_selection_js),
    FILE_ENTRY("services.js", file_services_js),
    FILE_ENTRY("task.js", file_task_js),
    FILE_ENTRY("terminal.js", file_terminal_js),
    FILE_ENTRY("ui.js", file_ui_js),
    FILE_ENTRY("vt.js", file_vt_js),
    FILE_ENTRY("words-en.js", file_words_en_js),
    FILE_ENTRY("words-zh-hant.js", file_words_zh_hant_js),
    FILE_ENTRY("words.js", file_words_js),
};

size_t dashboard_file_count(void) { return sizeof files / sizeof files[0]; }

DashboardFile dashboard_file(size_t index) {
    size_t count = dashboard_file_count();
    return files[index < count ? index : count - 1];
}
