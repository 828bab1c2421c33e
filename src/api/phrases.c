/* phrases.c - one row a sentence: English, Korean, Chinese. */
#include "api/phrases.h"

#include "detect/failure_model.h"

static const struct sentence {
    const char *text[LANG_COUNT];
} sentences[] = {
    /* alerts of the Redis doctor */
    { { "A script blocks Redis", "스크립트가 Redis를 막고 있음", "脚本阻塞了 Redis" } },
    { { "Redis can't write its append-only file", "Redis가 AOF 파일을 쓰지 못함", "Redis 无法写入 AOF 文件" } },
    { { "Redis can't write its snapshot", "Redis가 스냅샷을 쓰지 못함", "Redis 无法写入快照" } },
    { { "Redis does not answer", "Redis가 응답하지 않음", "Redis 没有响应" } },
    { { "Redis evicts keys in masses", "Redis가 키를 대량으로 제거하는 중", "Redis 正在大量淘汰键" } },
    { { "Redis has no room for more clients", "Redis가 더 이상 클라이언트를 받을 수 없음",
        "Redis 无法再接受更多客户端" } },
    { { "Redis is out of memory and refuses writes", "Redis 메모리 부족으로 쓰기가 거부됨",
        "Redis 内存耗尽，拒绝写入" } },
    { { "Redis reads its data set", "Redis가 데이터를 읽는 중", "Redis 正在加载数据" } },
    { { "Redis refuses clients for their credentials", "Redis가 인증 정보 때문에 클라이언트를 거부함",
        "Redis 因凭据拒绝客户端" } },
    { { "Replication is behind or broken", "복제가 지연되었거나 끊어짐", "复制延迟或中断" } },
    { { "Slow commands block Redis", "느린 명령이 Redis를 막고 있음", "慢命令阻塞了 Redis" } },
    { { "maxmemory was set below the memory in use", "maxmemory가 사용 중인 메모리보다 낮게 설정됨",
        "maxmemory 被设为低于已用内存" } },
    /* causes */
    { { "A replica takes less than is written", "복제본이 쓰기 속도를 따라가지 못함", "副本跟不上写入速度" } },
    { { "A script runs and does not end", "스크립트가 끝나지 않고 실행 중", "脚本一直运行，没有结束" } },
    { { "Clients open connections and don't close them", "클라이언트가 연결을 열고 닫지 않음",
        "客户端打开连接后不关闭" } },
    { { "Clients use no password, or an old one", "클라이언트가 비밀번호 없이 또는 예전 비밀번호로 접속함",
        "客户端未使用密码或使用了旧密码" } },
    { { "Redis hangs, or the way to it is cut", "Redis가 멈췄거나 경로가 끊어짐", "Redis 挂起，或网络不通" } },
    { { "Redis is out of memory and may not evict", "Redis 메모리가 가득 찼고 제거가 허용되지 않음",
        "Redis 内存已满且不允许淘汰" } },
    { { "Redis reads its data set after a start", "시작 후 Redis가 데이터를 읽는 중", "Redis 启动后正在加载数据" } },
    { { "Single commands block Redis, which does one thing at a time",
        "한 번에 하나만 처리하는 Redis를 개별 명령이 막고 있음", "Redis 一次只处理一件事，单个命令将其阻塞" } },
    { { "The Redis process is gone", "Redis 프로세스가 사라짐", "Redis 进程已消失" } },
    { { "The append-only file can't be written", "AOF 파일을 쓸 수 없음", "无法写入 AOF 文件" } },
    { { "The append-only file could not be rewritten", "AOF 파일을 재작성하지 못함", "AOF 文件重写失败" } },
    { { "The last snapshot could not be written", "마지막 스냅샷을 쓰지 못함", "上一次快照写入失败" } },
    { { "The replica has lost its master", "복제본이 마스터와의 연결을 잃음", "副本与主节点失去连接" } },
    { { "The working set is larger than maxmemory", "작업 데이터가 maxmemory보다 큼", "工作集大于 maxmemory" } },
    { { "maxmemory was set below what was in use", "maxmemory가 사용량보다 낮게 설정됨",
        "maxmemory 被设为低于使用量" } },
    { { "A file system fills up", "파일 시스템이 가득 차고 있음", "文件系统即将写满" } },
    { { "Memory in use rises and does not come back", "메모리 사용량이 늘기만 하고 줄지 않음",
        "内存占用持续上升且不回落" } },
    { { "The CPU gets busier and busier", "CPU 사용률이 계속 증가함", "CPU 越来越繁忙" } },
    { { "Errors became far more frequent than they were", "오류가 평소보다 훨씬 잦아짐", "错误远比平时频繁" } },
    { { "cannot tell", "알 수 없음", "无法判断" } },
    /* what fails */
    { { "Clients are refused for their credentials", "인증 정보 때문에 클라이언트가 거부됨", "客户端因凭据被拒绝" } },
    { { "Keys were deleted to fit into the new limit", "새 한도에 맞추려고 키가 삭제됨", "为满足新上限，键已被删除" } },
    { { "New clients are turned away: max number of clients reached", "새 클라이언트가 거절됨: 최대 클라이언트 수 도달",
        "新客户端被拒：已达最大连接数" } },
    { { "Redis answers BUSY to everybody", "Redis가 모두에게 BUSY로 응답함", "Redis 对所有请求返回 BUSY" } },
    { { "Redis answers nothing until its data is read", "데이터를 다 읽을 때까지 Redis가 응답하지 않음",
        "数据加载完之前 Redis 不提供服务" } },
    { { "Redis evicts keys as fast as they are written", "쓰는 만큼 빠르게 키가 제거됨", "键写入多快就被淘汰多快" } },
    { { "Redis is down", "Redis가 중단됨", "Redis 已宕机" } },
    { { "Redis refuses every write that needs memory", "메모리가 필요한 모든 쓰기를 Redis가 거부함",
        "Redis 拒绝所有需要内存的写入" } },
    { { "Redis refuses writes: MISCONF", "Redis가 쓰기를 거부함: MISCONF", "Redis 拒绝写入：MISCONF" } },
    { { "Replicas don't have the newest data", "복제본에 최신 데이터가 없음", "副本没有最新数据" } },
    { { "Snapshots fail", "스냅샷이 실패함", "快照失败" } },
    { { "The append-only file only grows", "AOF 파일이 커지기만 함", "AOF 文件只增不减" } },
    { { "While one command runs, every other client waits", "한 명령이 실행되는 동안 다른 모든 클라이언트가 기다림",
        "一个命令运行时，其他客户端都在等待" } },
    { { "Services can't write once it is full", "가득 차면 서비스가 쓸 수 없음", "写满后服务将无法写入" } },
    { { "The kernel kills a process once none is left", "메모리가 없어지면 커널이 프로세스를 종료함",
        "内存耗尽时内核会杀死进程" } },
    { { "Services answer late, then not at all", "서비스 응답이 느려지다가 멈춤", "服务先变慢，最终无响应" } },
    { { "Part of what the service does fails", "서비스 기능 일부가 실패함", "服务的部分功能失败" } },
    /* who feels it */
    { { "A restart would lose what is not saved", "재시작하면 저장되지 않은 데이터를 잃음",
        "重启会丢失未保存的数据" } },
    { { "All applications that use this Redis stand still", "이 Redis를 쓰는 모든 애플리케이션이 멈춤",
        "所有使用此 Redis 的应用都停滞" } },
    { { "Applications that need a new connection fail; those that are connected go on",
        "새 연결이 필요한 애플리케이션은 실패하고, 연결된 것은 계속 동작함",
        "需要新连接的应用失败；已连接的继续工作" } },
    { { "Applications that write get errors; it heals by itself within 2 s once the disk has room",
        "쓰는 애플리케이션에 오류 발생. 디스크 공간이 생기면 2초 안에 스스로 복구됨",
        "写入的应用会报错；磁盘有空间后 2 秒内自行恢复" } },
    { { "Applications that write to this Redis get errors; reads and deletes still work",
        "이 Redis에 쓰는 애플리케이션에 오류 발생. 읽기와 삭제는 동작함",
        "写入此 Redis 的应用会报错；读取和删除仍正常" } },
    { { "Applications wait or fail for this time", "그동안 애플리케이션이 기다리거나 실패함",
        "在此期间应用等待或失败" } },
    { { "Data is gone; what applications expect to find there is missing",
        "데이터가 사라져 애플리케이션이 찾는 값이 없음", "数据已丢失，应用期望的内容不存在" } },
    { { "Everything that needs this Redis fails", "이 Redis가 필요한 모든 것이 실패함", "依赖此 Redis 的一切都失败" } },
    { { "Latency of all applications that use this Redis rises by the length of the slow command",
        "이 Redis를 쓰는 모든 애플리케이션의 지연이 느린 명령의 시간만큼 늘어남",
        "所有使用此 Redis 的应用的延迟随慢命令的时长增加" } },
    { { "Reads from replicas are stale, and a failover now would lose writes",
        "복제본에서 읽은 값이 오래되었고, 지금 장애 조치하면 쓰기를 잃음",
        "从副本读到旧数据，此时故障切换会丢失写入" } },
    { { "Reads miss, and what stands behind the cache gets their load", "읽기가 캐시를 벗어나 뒤쪽 시스템에 부하가 감",
        "读取未命中，负载转到缓存后端" } },
    { { "The disk fills, and a restart takes longer and longer", "디스크가 차고 재시작이 점점 오래 걸림",
        "磁盘逐渐写满，重启越来越慢" } },
    { { "Those clients can't use Redis; others are not affected",
        "해당 클라이언트만 Redis를 쓸 수 없고 나머지는 영향 없음", "这些客户端无法使用 Redis；其他不受影响" } },
    { { "Writes are refused", "쓰기가 거부됨", "写入被拒绝" } },
    { { "Everything that stores on this file system", "이 파일 시스템에 저장하는 모든 것",
        "所有在此文件系统上存储的服务" } },
    { { "Everything that runs on this host", "이 호스트에서 실행되는 모든 것", "此主机上运行的一切" } },
    { { "Whoever uses the service", "이 서비스를 쓰는 모든 사용자", "所有使用该服务的人" } },
    /* where samples come from */
    { { "Containers by their control groups, with cAdvisor's names.",
        "컨트롤 그룹으로 본 컨테이너(cAdvisor 이름 체계).", "按控制组统计的容器（采用 cAdvisor 的指标名）。" } },
    { { "This host, from /proc and /sys, with node_exporter's names.",
        "/proc와 /sys로 본 이 호스트(node_exporter 이름 체계).",
        "本机，来自 /proc 和 /sys（采用 node_exporter 的指标名）。" } },
    { { "Processes by name, the heaviest and those asked for, with process-exporter's names.",
        "이름별 프로세스: 자원을 많이 쓰는 것과 지정한 것(process-exporter 이름 체계).",
        "按名称统计的进程：占用最多的和指定的（采用 process-exporter 的指标名）。" } },
    { { "A Redis: INFO, slow log, latency, clients, cluster, with redis_exporter's names.",
        "Redis: INFO, 슬로 로그, 지연, 클라이언트, 클러스터(redis_exporter 이름 체계).",
        "Redis：INFO、慢日志、延迟、客户端、集群（采用 redis_exporter 的指标名）。" } },
    { { "States of systemd's units, with node_exporter's names.", "systemd 유닛의 상태(node_exporter 이름 체계).",
        "systemd 单元的状态（采用 node_exporter 的指标名）。" } },
    { { "systemd does not run here", "이 호스트에는 systemd가 실행되지 않음", "本机未运行 systemd" } },
    { { "no containers run here", "이 호스트에는 실행 중인 컨테이너가 없음", "本机没有运行容器" } },
    { { "Alerts of an Alertmanager, or of Grafana's contact point \"Webhook\" with the same address.",
        "Alertmanager의 알림, 또는 같은 주소로 설정한 Grafana \"Webhook\" 연락 지점의 알림.",
        "Alertmanager 的告警，或使用同一地址的 Grafana“Webhook”联络点的告警。" } },
    { { "what came last could not be taken", "마지막으로 받은 내용을 처리하지 못함", "最近收到的内容无法处理" } },
    /* what the built-in actions do */
    { { "Restart a systemd unit.", "systemd 유닛을 재시작합니다.", "重启一个 systemd 单元。" } },
    { { "Start a systemd unit that is down.", "멈춘 systemd 유닛을 시작합니다.", "启动已停止的 systemd 单元。" } },
    { { "Give a process that takes most of the CPU a lower priority.",
        "CPU를 가장 많이 쓰는 프로세스의 우선순위를 낮춥니다.", "降低占用 CPU 最多的进程的优先级。" } },
    { { "Restart the service under load, and let the process that takes most of the CPU yield.",
        "부하가 걸린 서비스를 재시작하고, CPU를 가장 많이 쓰는 프로세스가 양보하게 합니다.",
        "重启负载过高的服务，并让占用 CPU 最多的进程让出资源。" } },
    { { "Compress files *.log under /var/log that nobody wrote to for 30 days.",
        "/var/log 아래에서 30일 동안 쓰이지 않은 *.log 파일을 압축합니다.",
        "压缩 /var/log 下 30 天未写入的 *.log 文件。" } },
    { { "Ask a service's health URL, and restart its unit where it does not answer well.",
        "서비스의 상태 확인 URL을 조회하고, 정상 응답이 아니면 유닛을 재시작합니다.",
        "查询服务的健康检查 URL，响应异常时重启其单元。" } },
    { { "Give a Redis that ran out of memory more room, while its host has some.",
        "호스트에 여유가 있으면 메모리가 부족한 Redis의 한도를 늘립니다.",
        "在主机有余量时，为内存耗尽的 Redis 提高上限。" } },
    { { "Let a Redis take more connections.", "Redis가 더 많은 연결을 받도록 합니다.", "允许 Redis 接受更多连接。" } },
    { { "Disconnect clients that have been idle for long, each by its id, so that others get in.",
        "오래 쉬고 있는 클라이언트를 id로 하나씩 끊어 다른 클라이언트가 접속할 수 있게 합니다.",
        "按 id 逐个断开长时间空闲的客户端，让其他客户端得以连接。" } },
    { { "Stop a script that blocks a Redis; works only before the script has written.",
        "Redis를 막고 있는 스크립트를 멈춥니다. 스크립트가 쓰기 전에만 가능합니다.",
        "终止阻塞 Redis 的脚本；仅在脚本尚未写入时有效。" } },
    { { "Save a snapshot in the background, which also lets a Redis write again that refused to after a failed one.",
        "백그라운드에서 스냅샷을 저장합니다. 스냅샷 실패로 쓰기를 거부하던 Redis도 다시 쓸 수 있게 됩니다.",
        "在后台保存快照；因快照失败而拒绝写入的 Redis 也会恢复写入。" } },
    { { "Rewrite the append only file in the background.", "백그라운드에서 AOF 파일을 재작성합니다.",
        "在后台重写 AOF 文件。" } },
    { { "The risk is gone.", "위험이 사라졌습니다.", "风险已消除。" } },
    /* what happened to an incident */
    { { "everything that belonged to it has ended", "속한 모든 알림이 해소됨", "其所属的一切都已结束" } },
    /* rules over this host */
    { { "Less than 5 % of memory is available", "사용 가능한 메모리가 5% 미만", "可用内存不足 5%" } },
    { { "More than 90 % of the file descriptors are in use", "파일 디스크립터의 90% 이상이 사용 중",
        "超过 90% 的文件描述符已被使用" } },
    { { "Processes wait for memory more than 20 % of the time", "프로세스가 시간의 20% 이상을 메모리를 기다리며 보냄",
        "进程有 20% 以上的时间在等待内存" } },
    /* what would help, and what came of it */
    { { "closes connections that have done nothing for a while, each by its id; busy ones, replicas and subscribers "
        "stay",
        "한동안 아무 일도 하지 않은 연결을 ID별로 닫음. 사용 중인 연결, 복제본, 구독자는 그대로 둠",
        "逐个按 ID 关闭长时间空闲的连接；繁忙的连接、副本和订阅者保留" } },
    { { "ends the script; Redis itself refuses this where the script has written already, so no data is lost",
        "스크립트를 끝냄. 이미 쓰기를 했다면 Redis가 거부하므로 데이터를 잃지 않음",
        "终止脚本；若脚本已写入数据，Redis 会拒绝，因此不会丢失数据" } },
    { { "writes a snapshot again: where the disk has room by now, writes are taken again; where it has not, nothing is "
        "lost",
        "스냅샷을 다시 씀. 디스크 공간이 생겼으면 쓰기가 재개되고, 아니어도 잃는 것은 없음",
        "重新写入快照：若磁盘已有空间则恢复写入；若没有也不会有损失" } },
    { { "rewrites the file again, which changes no data", "파일을 다시 작성함. 데이터는 바뀌지 않음",
        "重新重写文件，不改变数据" } },
    { { "compresses logs that nobody wrote to for 30 days; nothing is deleted",
        "30일 동안 쓰지 않은 로그를 압축함. 삭제하지 않음", "压缩 30 天未写入的日志；不删除任何内容" } },
    { { "fixed", "해결됨", "已修复" } },
    { { "not_fixed", "해결되지 않음", "未修复" } },
    { { "cannot_tell", "알 수 없음", "无法判断" } },
    { { "failed", "실패", "失败" } },
    { { "rolled_back", "되돌림", "已回滚" } },
};

/* find - the sentence in all languages; what the failure models predict stands with them. */
static const char *const *find(struct str text)
{
    for (size_t i = 0; i < ARRAY_LEN(sentences); i++)
        if (str_eq(str_of(sentences[i].text[LANG_EN]), text))
            return sentences[i].text;
    for (size_t i = 0; i < MODEL_COUNT; i++)
        if (str_eq(str_of(failure_models[i].predicted_failure[LANG_EN]), text))
            return failure_models[i].predicted_failure;
    return NULL;
}

bool phrase_known(struct str text)
{
    return find(text) != NULL;
}

struct str phrase(struct arena *arena, struct str text, enum lang lang)
{
    const char *const *whole = lang == LANG_EN ? NULL : find(text);

    if (lang == LANG_EN || !text.length)
        return text;
    if (whole)
        return str_of(whole[lang]);
    for (size_t at = str_find(text, S(" ("), 0); at != SIZE_MAX; at = str_find(text, S(" ("), at + 1)) {
        const char *const *head = find(str_slice(text, 0, at));
        if (head)
            return str_printf(arena, "%s%.*s", head[lang], STR_ARG(str_slice(text, at, text.length)));
    }
    return text;
}

static const struct json *translated(struct arena *arena, const struct json *json, enum lang lang)
{
    struct json *copy = arena_alloc(arena, sizeof(*copy));

    *copy = *json;
    switch (json->type) {
    case JSON_STRING:
        copy->string = phrase(arena, json->string, lang);
        break;
    case JSON_ARRAY:
        copy->array.items = arena_array(arena, json->array.count + 1, sizeof(struct json *));
        for (size_t i = 0; i < json->array.count; i++)
            copy->array.items[i] = (struct json *)translated(arena, json->array.items[i], lang);
        break;
    case JSON_OBJECT:
        copy->object.members = arena_array(arena, json->object.count + 1, sizeof(struct json_member));
        for (size_t i = 0; i < json->object.count; i++) {
            copy->object.members[i] = json->object.members[i];
            copy->object.members[i].value = (struct json *)translated(arena, json->object.members[i].value, lang);
        }
        break;
    default:
        break;
    }
    return copy;
}

const struct json *phrases_in(struct arena *arena, const struct json *rca, enum lang lang)
{
    return rca && lang != LANG_EN ? translated(arena, rca, lang) : rca;
}
