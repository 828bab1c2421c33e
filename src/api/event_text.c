/* event_text.c - one row a kind of event: the sentence in English, Korean and Chinese. {name} is a member of the
 * event's data, {reason}, {actor} and {subject} are the event's own. */
#include "api/event_text.h"

#include "api/phrases.h"
#include "base/json.h"

static const struct sentence {
    enum event_kind kind;
    const char *text[LANG_COUNT];
} sentences[] = {
    { EVENT_CHANGE, { "Changed: {detail}", "변경: {detail}", "变更：{detail}" } },
    { EVENT_ALERT_FIRING,
      { "Alert fires: {reason|alertname}", "알림 발생: {reason|alertname}", "告警触发：{reason|alertname}" } },
    { EVENT_ALERT_RESOLVED,
      { "Alert ended: {reason|alertname}", "알림 해소: {reason|alertname}", "告警恢复：{reason|alertname}" } },
    { EVENT_ALERT_ACKNOWLEDGED,
      { "Alert {alertname} taken by {actor}", "{actor} 님이 알림 {alertname}을(를) 확인함",
        "{actor} 已确认告警 {alertname}" } },
    { EVENT_ANOMALY_OPENED, { "Unusual: {reason}", "이상 징후: {reason}", "异常：{reason}" } },
    { EVENT_ANOMALY_CLOSED, { "Back to normal: {reason}", "정상으로 복귀: {reason}", "恢复正常：{reason}" } },
    { EVENT_SIGNAL_RAISED,
      { "Failure ahead: {reason|signal_type}", "장애 예측: {reason|signal_type}", "故障预测：{reason|signal_type}" } },
    { EVENT_SIGNAL_CLEARED,
      { "No longer expected: {reason|signal_type}", "예측 해소: {reason|signal_type}",
        "预测解除：{reason|signal_type}" } },
    { EVENT_INCIDENT_OPENED, { "Incident opened: {title}", "인시던트 시작: {title}", "事件开始：{title}" } },
    { EVENT_INCIDENT_CHANGED, { "Joined the incident: {reason}", "인시던트에 추가: {reason}", "并入事件：{reason}" } },
    { EVENT_INCIDENT_ACKNOWLEDGED,
      { "{actor} took the incident. {reason}", "{actor} 님이 인시던트를 맡음. {reason}",
        "{actor} 已接手事件。{reason}" } },
    { EVENT_INCIDENT_RESOLVED,
      { "Incident resolved: {reason|title}", "인시던트 해결: {reason|title}", "事件已解决：{reason|title}" } },
    { EVENT_INCIDENT_REOPENED,
      { "Incident reopened: {reason|title}", "인시던트 다시 열림: {reason|title}", "事件重新打开：{reason|title}" } },
    { EVENT_INCIDENT_ASSIGNED,
      { "Assigned to {owner} by {actor}", "{actor} 님이 {owner}에게 배정", "{actor} 将事件分配给 {owner}" } },
    { EVENT_INCIDENT_NOTE, { "{actor}: {reason}", "{actor}: {reason}", "{actor}：{reason}" } },
    { EVENT_INCIDENT_MERGED, { "Incidents merged: {reason}", "인시던트 병합: {reason}", "事件合并：{reason}" } },
    { EVENT_INCIDENT_SPLIT, { "Incident split: {reason}", "인시던트 분리: {reason}", "事件拆分：{reason}" } },
    { EVENT_RCA_COMPLETED,
      { "Cause found: {reason|critical_failure}", "원인 분석: {reason|critical_failure}",
        "原因分析：{reason|critical_failure}" } },
    { EVENT_EXECUTION_PROPOSED,
      { "Proposed: {action}. {reason}", "조치 제안: {action}. {reason}", "建议操作：{action}。{reason}" } },
    { EVENT_EXECUTION_APPROVED,
      { "{actor} approved {action}", "{actor} 님이 {action} 승인", "{actor} 批准了 {action}" } },
    { EVENT_EXECUTION_REJECTED,
      { "{actor} rejected {action}: {reason}", "{actor} 님이 {action} 거절: {reason}",
        "{actor} 拒绝了 {action}：{reason}" } },
    { EVENT_EXECUTION_EXPIRED, { "Nobody approved {action} in time", "{action} 승인 시간 초과", "{action} 审批超时" } },
    { EVENT_EXECUTION_STARTED, { "{action} started", "{action} 실행 시작", "{action} 开始执行" } },
    { EVENT_EXECUTION_RAN,
      { "{action} ran, checking whether it helped", "{action} 실행됨, 효과 확인 중",
        "{action} 已执行，正在验证效果" } },
    { EVENT_EXECUTION_ENDED,
      { "{action}: {outcome}. {detail|reason}", "{action}: {outcome}. {detail|reason}",
        "{action}：{outcome}。{detail|reason}" } },
    { EVENT_EXECUTION_REFUSED,
      { "{action} was refused: {why|reason}", "{action} 거부됨: {why|reason}", "{action} 被拒绝：{why|reason}" } },
    { EVENT_EXECUTION_INTERRUPTED,
      { "{action} was interrupted and needs a person", "{action} 중단됨, 사람의 확인 필요",
        "{action} 被中断，需要人工处理" } },
    { EVENT_STOP_ENGAGED,
      { "STOP engaged by {actor}: {reason}", "{actor} 님이 정지 스위치를 켬: {reason}",
        "{actor} 启用了停止开关：{reason}" } },
    { EVENT_STOP_RELEASED,
      { "STOP released by {actor}: {reason}", "{actor} 님이 정지 스위치를 끔: {reason}",
        "{actor} 解除了停止开关：{reason}" } },
    { EVENT_NOTIFICATION_SENT, { "Told {subject}", "{subject}에 메시지 전송", "已通知 {subject}" } },
    { EVENT_NOTIFICATION_FAILED,
      { "Could not tell {subject}: {error}", "{subject}에 메시지 전송 실패: {error}",
        "通知 {subject} 失败：{error}" } },
    { EVENT_SERVER_STARTED, { "Auspex {version} started", "Auspex {version} 시작", "Auspex {version} 已启动" } },
    { EVENT_SERVER_STOPPED, { "Auspex stopped", "Auspex 종료", "Auspex 已停止" } },
    { EVENT_CONFIG_LOADED, { "Configuration loaded", "설정을 읽음", "配置已加载" } },
    { EVENT_CONFIG_REJECTED,
      { "Configuration refused, the old one stays: {detail}", "설정 거부, 이전 설정 유지: {detail}",
        "配置被拒绝，继续使用旧配置：{detail}" } },
    { EVENT_PARKED,
      { "{subject} could not handle event {event_id} and set it aside",
        "{subject}이(가) 이벤트 {event_id}을(를) 처리하지 못해 보류함", "{subject} 无法处理事件 {event_id}，已搁置" } },
    { EVENT_LOGIN, { "{actor} logged in", "{actor} 로그인", "{actor} 已登录" } },
    { EVENT_LOGIN_FAILED, { "Login failed for {subject}", "{subject} 로그인 실패", "{subject} 登录失败" } },
    { EVENT_USER_CHANGED, { "User {subject}: {reason}", "사용자 {subject}: {reason}", "用户 {subject}：{reason}" } },
    { EVENT_TOKEN_CREATED, { "Token {subject} created", "토큰 {subject} 생성", "已创建令牌 {subject}" } },
    { EVENT_TOKEN_REVOKED, { "Token {subject} revoked", "토큰 {subject} 폐기", "已吊销令牌 {subject}" } },
    { EVENT_CONNECTION_ADDED,
      { "Connected: {address|subject}", "연결됨: {address|subject}", "已连接：{address|subject}" } },
    { EVENT_CONNECTION_CHANGED,
      { "Connection {address|subject}: {state}", "연결 {address|subject}: {state}",
        "连接 {address|subject}：{state}" } },
};

static struct str value_of(struct arena *arena, const struct event *event, const struct json *data, struct str name)
{
    if (str_eq(name, S("reason")))
        return event->reason;
    if (str_eq(name, S("actor"))) {
        struct str after, kind = str_cut(event->actor, ':', &after);
        return after.at ? after : kind; /* "user:kim" is kim to people */
    }
    if (str_eq(name, S("subject")))
        return event->subject;
    const struct json *value = json_get(data, name);
    if (!value)
        return S("");
    if (value->type == JSON_NUMBER)
        return str_printf(arena, "%g", value->number.value);
    return json_str_or(value, S(""));
}

/* add_first - of "a|b|c" the first that is not empty. */
static void add_first(struct buf *out, struct arena *arena, const struct event *event, const struct json *data,
                      struct str names, enum lang lang)
{
    for (struct str rest = names, name; rest.at;) {
        name = str_cut(rest, '|', &rest);
        struct str value = value_of(arena, event, data, name);
        if (value.length) {
            buf_add(out, phrase(arena, value, lang));
            return;
        }
    }
}

struct str event_text(struct arena *arena, const struct event *event, enum lang lang)
{
    struct buf out CLEANUP(buf_clear);
    const struct json *data = NULL;
    const char *template = event_kind_name(event->kind);

    err_free(json_parse(arena, event->data, &data)); /* a sentence without its details is better than none */
    for (size_t i = 0; i < ARRAY_LEN(sentences); i++)
        if (sentences[i].kind == event->kind)
            template = sentences[i].text[lang];
    buf_init(&out, 1 << 16);
    for (struct str rest = str_of(template), plain; rest.at;) {
        plain = str_cut(rest, '{', &rest);
        buf_add(&out, plain);
        if (rest.at)
            add_first(&out, arena, event, data, str_cut(rest, '}', &rest), lang);
    }
    return str_copy(arena, str_trim(buf_str(&out)));
}

static const struct field event_row_fields[] = {
    INT(struct event_row, event_id, .doc = "Place in the journal."),
    TIME(struct event_row, time, .doc = "When."),
    STRING(struct event_row, kind, .doc = "What kind, such as incident.opened."),
    STRING(struct event_row, subject, .doc = "What it is about."),
    INT(struct event_row, incident_id, .flags = F_NULLABLE, .doc = "The incident that it belongs to."),
    STRING(struct event_row, actor, .doc = "Who or what did it."),
    STRING(struct event_row, reason, .doc = "Why, in one sentence."),
    STRING(struct event_row, text, .doc = "The whole as a sentence."),
    { 0 },
};
const struct schema event_row_schema = SCHEMA(struct event_row, event_row_fields, .doc = "An event of the journal.");

struct event_row event_row_of(struct arena *arena, const struct event *event, enum lang lang)
{
    return (struct event_row){
        .event_id = event->id,
        .time = event->time_ms,
        .kind = str_of(event_kind_name(event->kind)),
        .subject = event->subject,
        .incident_id = event->incident ? event->incident : INT64_MIN,
        .actor = event->actor,
        .reason = event->reason,
        .text = event_text(arena, event, lang),
    };
}
